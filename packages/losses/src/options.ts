// What the options of a criterion may be: one table of rules a loss, read when it is made.
// A name that is not in the table is an error, so that a typo is never swallowed.

import { argumentError, Generator, Tensor, TensorError } from "@torchium/tensor";
import { nearest } from "./nearest.js";

/** What one option accepts, in words for the error and as a test, and its value when it is not given. */
export type OptionRule<T> = {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
  /** Undefined for an option that may be left out; an option with `required` has none. */
  readonly fallback: T;
  readonly required: boolean;
};

/** One rule for every option of `O`. */
export type OptionTable<O> = { readonly [K in keyof O]-?: OptionRule<O[K] | undefined> };

/** The options as a criterion sees them: checked, defaults filled in. */
export type Resolved<R> = { readonly [K in keyof R]: R[K] extends OptionRule<infer T> ? T : never };

const rule = <T>(expected: string, accepts: (value: unknown) => boolean, fallback: T): OptionRule<T> => ({
  expected,
  accepts,
  fallback,
  required: false,
});

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

/** A number above 0. */
export const positive = (fallback: number): OptionRule<number> =>
  rule("a number above 0", (x) => isNumber(x) && x > 0, fallback);

/** A number of at least 0. */
export const notNegative = (fallback: number): OptionRule<number> =>
  rule("a number of at least 0", (x) => isNumber(x) && x >= 0, fallback);

/** A number from `low` to `high`, both included. */
export const between = (low: number, high: number, fallback: number): OptionRule<number> =>
  rule(`a number from ${low} to ${high}`, (x) => isNumber(x) && x >= low && x <= high, fallback);

/** An integer. */
export const integer = (fallback: number): OptionRule<number> => rule("an integer", Number.isInteger, fallback);

/** An integer of at least 0. */
export const index = (fallback: number): OptionRule<number> =>
  rule("an integer of at least 0", (x) => Number.isInteger(x) && (x as number) >= 0, fallback);

/** An integer of at least 1; undefined when not given. */
export const count = (): OptionRule<number | undefined> =>
  rule<number | undefined>("an integer of at least 1", (x) => Number.isInteger(x) && (x as number) >= 1, undefined);

/** True or false. */
export const flag = (fallback: boolean): OptionRule<boolean> =>
  rule("true or false", (x) => typeof x === "boolean", fallback);

/** One of `words`. */
export const oneOf = <const W extends string>(words: readonly W[], fallback: W): OptionRule<W> =>
  rule(words.map((w) => JSON.stringify(w)).join(" or "), (x) => words.includes(x as W), fallback);

/** A list of `words`; undefined when not given. */
export const listOf = <const W extends string>(words: readonly W[]): OptionRule<readonly W[] | undefined> =>
  rule<readonly W[] | undefined>(
    `a list of ${words.map((w) => JSON.stringify(w)).join(" or ")}`,
    (x) => Array.isArray(x) && x.every((w) => words.includes(w)),
    undefined,
  );

/** A list of strings; undefined when not given. */
export const names = (): OptionRule<readonly string[] | undefined> =>
  rule<readonly string[] | undefined>(
    "a list of strings",
    (x) => Array.isArray(x) && x.every((w) => typeof w === "string"),
    undefined,
  );

/** A tensor; undefined when not given. */
export const weights = (): OptionRule<Tensor | undefined> =>
  rule<Tensor | undefined>("a tensor", (x) => x instanceof Tensor, undefined);

/** A generator of random numbers; undefined when not given. */
export const generator = (): OptionRule<Generator | undefined> =>
  rule<Generator | undefined>("a Generator", (x) => x instanceof Generator, undefined);

/** The same option, which must be given. */
export const required = <T>(optional: OptionRule<T>): OptionRule<NonNullable<T>> =>
  ({ ...optional, required: true }) as OptionRule<NonNullable<T>>;

/** `given` checked against `rules`, with defaults. @throws TensorError `argument`, naming the option and the value */
export function readOptions<R extends OptionTable<object>>(loss: string, rules: R, given: unknown): Resolved<R> {
  if (typeof given !== "object" || given === null || Array.isArray(given) || given instanceof Tensor)
    throw argumentError(loss, "options", "an object", given);
  const table = rules as Readonly<Record<string, OptionRule<unknown>>>;
  for (const name of Object.keys(given)) if (!Object.hasOwn(table, name)) throw unknownOption(loss, name, table);
  const values = given as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    Object.entries(table).map(([name, { expected, accepts, fallback, required }]) => {
      const value = values[name];
      if (value === undefined && !required) return [name, fallback];
      if (!accepts(value)) throw argumentError(loss, name, expected, value);
      return [name, value];
    }),
  ) as Resolved<R>;
}

function unknownOption(loss: string, name: string, table: object): TensorError {
  const known = Object.keys(table);
  const close = nearest(name, known);
  const hint = close === undefined ? `expected one of ${known.join(", ")}` : `did you mean ${close}?`;
  return new TensorError("argument", `${loss}: unknown option, got ${name}, ${hint}`, { op: loss, field: name, known });
}
