// What the options of a model may be: one table of rules a model, read when it is made.
// A name that is not in the table is an error, so that a typo is never swallowed.

import { argumentError, TensorError } from "@torchium/tensor";
import type { ParameterOptions } from "@torchium/tensor/nn";

/** What one option accepts, in words for the error and as a test, and its value when it is not given. */
export type OptionRule<T> = {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
  readonly fallback: T;
};

/** One rule for every option of `O`. */
export type OptionTable<O> = { readonly [K in keyof O]-?: OptionRule<O[K] | undefined> };

/** The options as a model sees them: checked, defaults filled in; and those that its layers are made with. */
export type Resolved<R> = { readonly [K in keyof R]: R[K] extends OptionRule<infer T> ? T : never } & {
  readonly parameters: ParameterOptions;
};

/** What every model takes beside its own options, and hands to its layers, which check it. */
const shared = ["dtype", "device", "generator"] as const satisfies readonly (keyof ParameterOptions)[];

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

/** An integer of at least 1. */
export const count = (fallback: number): OptionRule<number> => ({
  expected: "a positive integer",
  accepts: (value) => Number.isInteger(value) && (value as number) >= 1,
  fallback,
});

/** A share that dropout may take: from 0 to below 1. */
export const share = (fallback: number): OptionRule<number> => ({
  expected: "a number from 0 to below 1",
  accepts: (value) => isNumber(value) && value >= 0 && value < 1,
  fallback,
});

/** A number above 0. */
export const positive = (fallback: number): OptionRule<number> => ({
  expected: "a number above 0",
  accepts: (value) => isNumber(value) && value > 0,
  fallback,
});

/** True or false. */
export const flag = (fallback: boolean): OptionRule<boolean> => ({
  expected: "true or false",
  accepts: (value) => typeof value === "boolean",
  fallback,
});

/** One of `words`. */
export const oneOf = <const W extends string>(words: readonly W[], fallback: W): OptionRule<W> => ({
  expected: words.map((word) => JSON.stringify(word)).join(" or "),
  accepts: (value) => words.includes(value as W),
  fallback,
});

/** The same option, undefined when it is not given. */
export const optional = <T>(rule: OptionRule<T>): OptionRule<T | undefined> => ({ ...rule, fallback: undefined });

/** `given` checked against `rules`, with defaults. @throws TensorError `argument`, naming the option and the value */
export function readOptions<R extends OptionTable<object>>(model: string, rules: R, given: object): Resolved<R> {
  if (typeof given !== "object" || given === null) throw argumentError(model, "options", "an object", given);
  const table = rules as Readonly<Record<string, OptionRule<unknown>>>;
  const values = given as Readonly<Record<string, unknown>>;
  const known = [...Object.keys(table), ...shared];
  const unknown = Object.keys(values).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const message = `${model}: unknown option, got ${unknown}, expected one of ${known.join(", ")}`;
    throw new TensorError("argument", message, { op: model, field: unknown, known });
  }
  const own = Object.entries(table).map(([name, { expected, accepts, fallback }]) => {
    const value = values[name];
    if (value === undefined) return [name, fallback];
    if (!accepts(value)) throw argumentError(model, name, expected, value);
    return [name, value];
  });
  const parameters = Object.fromEntries(shared.flatMap((name) => (name in values ? [[name, values[name]]] : [])));
  return { ...Object.fromEntries(own), parameters } as Resolved<R>;
}

/** @throws TensorError `argument` unless the heads share the width evenly */
export function checkHeads(
  model: string,
  { dModel, nhead }: { readonly dModel: number; readonly nhead: number },
): void {
  if (dModel % nhead !== 0) throw argumentError(model, "dModel", `a multiple of nhead (${nhead})`, dModel);
}
