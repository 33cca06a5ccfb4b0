// Options checked against their table. A name that is not in the table is an error, so that a typo is never swallowed.

import { argumentError, TensorError, unknownName } from "../errors.js";
import { Tensor } from "../tensor.js";
import type { OptionSpec } from "./option-spec.js";

/** One spec for every option of `O`. */
export type OptionTable<O> = { readonly [K in keyof O]-?: OptionSpec<O[K] | undefined> };

/** The options as their owner sees them: checked, defaults filled in. */
export type Resolved<R> = { readonly [K in keyof R]: R[K] extends OptionSpec<infer T> ? T : never };

type AnyTable = Readonly<Record<string, OptionSpec<unknown>>>;
type Values = Readonly<Record<string, unknown>>;

/**
 * `given` checked against `table`, over `defaults` and the table's own. An option that is undefined counts as not given.
 * @throws TensorError `argument` for an unknown name, a missing option or a value it cannot be
 */
export function readOptions<R extends OptionTable<object>>(
  op: string,
  table: R,
  given: unknown,
  defaults: object = {},
): Resolved<R> {
  const isObject = typeof given === "object" && given !== null && !Array.isArray(given) && !(given instanceof Tensor);
  if (!isObject) throw argumentError(op, "options", "an object", given);
  const specs = table as AnyTable;
  const known = Object.keys(specs);
  for (const name of Object.keys(given)) if (!Object.hasOwn(specs, name)) throw unknownName(op, "option", name, known);
  const find = (name: string): unknown => {
    const own = (given as Values)[name];
    if (own !== undefined) return own;
    return Object.hasOwn(defaults, name) ? (defaults as Values)[name] : specs[name]!.default;
  };
  const values = Object.fromEntries(known.map((name) => [name, find(name)]));
  checkOptions(op, specs, values);
  return values as Resolved<R>;
}

/** Checks values that may have changed since. @throws TensorError `argument`; `prefix` stands before the field's name */
export function checkOptions(op: string, table: object, values: object, prefix = ""): void {
  for (const [name, { accepts, expected, optional }] of Object.entries(table as AnyTable)) {
    const value = (values as Values)[name];
    if (value === undefined && optional) continue;
    if (!accepts(value)) throw argumentError(op, prefix + name, expected, value);
  }
}

/** Throws the error for options that do not go together. @throws TensorError `argument` */
export function refuseOptions(op: string, message: string): never {
  throw new TensorError("argument", `${op}: ${message}`, { op });
}
