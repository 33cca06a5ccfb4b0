// Options as data: a table says what each may be and what it is when not given. Optimizers and schedules read theirs here.
// A name that is not in the table is an error, so that a typo is never swallowed.

import { argumentError, TensorError, unknownName } from "@torchium/tensor";

/** The numbers an option accepts; finite ones unless `infinite` is set. */
export type Range = {
  readonly atLeast?: number;
  readonly above?: number;
  readonly atMost?: number;
  readonly below?: number;
  readonly integer?: true;
  readonly infinite?: true;
};

type NumberSpec = Range & { readonly type: "number"; readonly default?: number };
type PairSpec = Range & { readonly type: "pair"; readonly default?: readonly [number, number] };
type ListSpec = Range & { readonly type: "list"; readonly default?: readonly number[] };
type FlagSpec = { readonly type: "flag"; readonly default?: boolean };
type ChoiceSpec<T extends string> = { readonly type: "choice"; readonly of: readonly T[]; readonly default?: T };

/** What an option of type `T` may be. Without a default it must be given. */
export type OptionSpec<T> = [T] extends [boolean]
  ? FlagSpec
  : [T] extends [number]
    ? NumberSpec
    : [T] extends [string]
      ? ChoiceSpec<T>
      : [T] extends [readonly [number, number]]
        ? PairSpec
        : ListSpec;

/** One spec for every option of `H`. */
export type OptionTable<H> = { readonly [K in keyof H]-?: OptionSpec<H[K]> };

type AnySpec = NumberSpec | PairSpec | ListSpec | FlagSpec | ChoiceSpec<string>;

const specsOf = (table: object): Readonly<Record<string, AnySpec>> => table as Readonly<Record<string, AnySpec>>;

/**
 * Options checked against a table, over `defaults` or the table's own.
 * @throws TensorError `argument` for an unknown name, a missing option or a value out of range
 */
export function resolveOptions<H extends object>(
  op: string,
  table: OptionTable<H>,
  given: unknown,
  defaults: Partial<H> = {},
): H {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw argumentError(op, "options", "an object", given);
  }
  const specs = specsOf(table);
  const known = Object.keys(specs);
  for (const name of Object.keys(given)) if (!known.includes(name)) throw unknownName(op, "option", name, known);
  const values = { ...defaultsOf(specs), ...defaults, ...definedIn(given) };
  checkOptions(op, table, values);
  return values as H;
}

/** @throws TensorError `argument` when a value is missing or out of range; `prefix` stands before the field */
export function checkOptions(op: string, table: object, values: object, prefix = ""): void {
  const specs = specsOf(table);
  for (const name in specs) {
    const spec = specs[name]!;
    const value = (values as Readonly<Record<string, unknown>>)[name];
    if (!accepts(spec, value)) throw argumentError(op, prefix + name, describe(spec), value);
  }
}

/** What an option must be, in words. */
function describe(spec: AnySpec): string {
  if (spec.type === "flag") return "true or false";
  if (spec.type === "choice") return spec.of.map((word) => JSON.stringify(word)).join(" or ");
  const { atLeast, above, atMost, below, integer, infinite } = spec;
  const bounds = [
    atLeast !== undefined && `at least ${atLeast}`,
    above !== undefined && `above ${above}`,
    atMost !== undefined && `at most ${atMost}`,
    below !== undefined && `below ${below}`,
  ].filter((bound) => bound !== false);
  const kind = integer ? "integer" : infinite ? "number" : "finite number";
  const noun = { number: `a${integer ? "n" : ""} ${kind}`, pair: `two ${kind}s`, list: `a list of ${kind}s` }[
    spec.type
  ];
  return bounds.length > 0 ? `${noun}, ${bounds.join(" and ")}` : noun;
}

function accepts(spec: AnySpec, value: unknown): boolean {
  switch (spec.type) {
    case "flag":
      return typeof value === "boolean";
    case "choice":
      return spec.of.includes(value as string);
    case "number":
      return isInRange(spec, value);
    case "pair":
      return Array.isArray(value) && value.length === 2 && value.every((x) => isInRange(spec, x));
    case "list":
      return Array.isArray(value) && value.every((x) => isInRange(spec, x));
  }
}

function isInRange(range: Range, value: unknown): boolean {
  if (typeof value !== "number" || Number.isNaN(value)) return false;
  if (!range.infinite && !Number.isFinite(value)) return false;
  if (range.integer && !Number.isInteger(value)) return false;
  const { atLeast = -Infinity, above = -Infinity, atMost = Infinity, below = Infinity } = range;
  return (
    value >= atLeast &&
    value <= atMost &&
    (value > above || above === -Infinity) &&
    (value < below || below === Infinity)
  );
}

const defaultsOf = (specs: Readonly<Record<string, AnySpec>>): object =>
  Object.fromEntries(
    Object.entries(specs).flatMap(([name, spec]) => (spec.default === undefined ? [] : [[name, spec.default]])),
  );

const definedIn = (given: object): object =>
  Object.fromEntries(Object.entries(given).filter(([, x]) => x !== undefined));

/** @throws TensorError `argument`: two options that do not go together */
export function refuseOptions(op: string, message: string): never {
  throw new TensorError("argument", `${op}: ${message}`, { op });
}
