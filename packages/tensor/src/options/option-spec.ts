// What one option may be, as data: its words for errors, its test, its range and its default. Tables of these are all that
// optimizers, schedules, losses and models say about their options; checks, messages and tests follow from them.

/** The numbers an option accepts; finite ones unless `infinite` is set. */
export type Range = {
  readonly atLeast?: number;
  readonly above?: number;
  readonly atMost?: number;
  readonly below?: number;
  readonly integer?: true;
  readonly infinite?: true;
};

/** What kind of value an option takes. */
export type OptionKind = "number" | "pair" | "numbers" | "flag" | "word" | "words" | "strings" | "instance";

/** What an option of type `T` may be. It must be given when it has no default and is not `optional`. */
export type OptionSpec<T> = {
  readonly kind: OptionKind;
  /** In words, for the error: "a finite number above 0". */
  readonly expected: string;
  accepts(value: unknown): boolean;
  readonly default?: T;
  readonly optional?: true;
  /** Of numbers, pairs and lists of numbers. */
  readonly range?: Range;
};

const spec = <T>(
  kind: OptionKind,
  expected: string,
  accepts: (value: unknown) => boolean,
  fallback: T | undefined,
  range?: Range,
): OptionSpec<T> => ({
  kind,
  expected,
  accepts,
  ...(fallback === undefined ? {} : { default: fallback }),
  ...(range && { range }),
});

/** One number of a range. */
export const number = (range: Range = {}, fallback?: number): OptionSpec<number> =>
  spec(
    "number",
    words(range, (noun) => `${noun.startsWith("i") ? "an" : "a"} ${noun}`),
    (x) => isIn(range, x),
    fallback,
    range,
  );

/** A whole number. */
export const integer = (range: Range = {}, fallback?: number): OptionSpec<number> =>
  number({ ...range, integer: true }, fallback);

/** A whole number of at least 1. */
export const count = (fallback?: number): OptionSpec<number> => integer({ atLeast: 1 }, fallback);

/** Two numbers of a range. */
export const pair = (range: Range = {}, fallback?: readonly [number, number]): OptionSpec<readonly [number, number]> =>
  spec(
    "pair",
    words(range, (noun) => `two ${noun}s`),
    (x) => isListIn(range, x) && x.length === 2,
    fallback,
    range,
  );

/** A list of numbers of a range. */
export const numbers = (range: Range = {}, fallback?: readonly number[]): OptionSpec<readonly number[]> =>
  spec(
    "numbers",
    words(range, (noun) => `a list of ${noun}s`),
    (x) => isListIn(range, x),
    fallback,
    range,
  );

/** True or false. */
export const flag = (fallback?: boolean): OptionSpec<boolean> =>
  spec("flag", "true or false", (x) => typeof x === "boolean", fallback);

/** One of `choices`. */
export const oneOf = <const W extends string>(choices: readonly W[], fallback?: W): OptionSpec<W> =>
  spec("word", quoted(choices), (x) => choices.includes(x as W), fallback);

/** A list of `choices`. */
export const listOf = <const W extends string>(
  choices: readonly W[],
  fallback?: readonly W[],
): OptionSpec<readonly W[]> =>
  spec(
    "words",
    `a list of ${quoted(choices)}`,
    (x) => Array.isArray(x) && x.every((w) => choices.includes(w)),
    fallback,
  );

/** A list of strings. */
export const strings = (fallback?: readonly string[]): OptionSpec<readonly string[]> =>
  spec("strings", "a list of strings", (x) => Array.isArray(x) && x.every((w) => typeof w === "string"), fallback);

/** An instance of a class, such as a tensor or a generator; `expected` says so with its article. */
export const instance = <T>(expected: string, type: abstract new (...args: never[]) => T): OptionSpec<T> =>
  spec<T>("instance", expected, (x) => x instanceof type, undefined);

/** The same option, which may be left out: it is undefined then. */
export const optional = <T>({ default: _, ...rest }: OptionSpec<T>): OptionSpec<T | undefined> => ({
  ...rest,
  optional: true,
});

const quoted = (choices: readonly string[]): string => choices.map((word) => JSON.stringify(word)).join(" or ");

/** "a finite number from 0 to below 1". */
function words(range: Range, withArticle: (noun: string) => string): string {
  if (range.integer && range.atLeast === 1 && Object.keys(range).length === 2) return withArticle("positive integer");
  const noun = withArticle(range.integer ? "integer" : range.infinite ? "number" : "finite number");
  const bounds = inWords(range);
  return bounds === "" ? noun : `${noun} ${bounds}`;
}

function inWords({ atLeast, above, atMost, below }: Range): string {
  if (atLeast !== undefined && atMost !== undefined) return `from ${atLeast} to ${atMost}`;
  if (atLeast !== undefined && below !== undefined) return `from ${atLeast} to below ${below}`;
  return Object.entries({ "of at least": atLeast, above, "of at most": atMost, below })
    .filter(([, bound]) => bound !== undefined)
    .map(([word, bound]) => `${word} ${bound}`)
    .join(" and ");
}

function isIn({ atLeast, above, atMost, below, integer: whole, infinite }: Range, value: unknown): boolean {
  if (typeof value !== "number" || Number.isNaN(value)) return false;
  if (whole ? !Number.isInteger(value) : !infinite && !Number.isFinite(value)) return false;
  return (
    (atLeast === undefined || value >= atLeast) &&
    (above === undefined || value > above) &&
    (atMost === undefined || value <= atMost) &&
    (below === undefined || value < below)
  );
}

const isListIn = (range: Range, value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((x) => isIn(range, x));
