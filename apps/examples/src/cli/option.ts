// Option declarations: kind, range, default and help in one value. Parsing, help text, configuration files
// and the types of the parsed values all follow from the declaration.
import { TensorError } from "@torchium/tensor";

/** One command-line option: how its text becomes a value, and what help says about it. */
export interface OptionDeclaration<T> {
  /** A flag takes no value; every other option takes exactly one. */
  readonly takesValue: boolean;
  /** What stands for the value in help: `N`, `DIR`, `cpu|cuda`. */
  readonly placeholder: string;
  /** What the option does, a phrase without a full stop. */
  readonly help: string;
  /** What values are accepted, for help and for errors: "a whole number of at least 1". */
  readonly expects: string;
  /** The value when the option is not given. */
  readonly default: T;
  /** Whether a resumed run may take another value than it started with. */
  readonly mayChange: boolean;
  /** The value that `text` stands for; `undefined` when it stands for none. */
  parse(text: string): T | undefined;
}

/** Options by their name in code: `maxLen` is `--max-len` on the command line. */
export type OptionDeclarations = Readonly<Record<string, OptionDeclaration<unknown>>>;

/** The values that a set of declarations gives. */
export type OptionValues<D extends OptionDeclarations> = { readonly [K in keyof D]: D[K]["default"] };

interface CommonSettings<D> {
  readonly help: string;
  readonly default?: D;
  readonly mayChange?: boolean;
}

interface RangeSettings<D> extends CommonSettings<D> {
  readonly min?: number;
  readonly max?: number;
  /** Whether `min` itself is out of range. */
  readonly aboveMin?: boolean;
}

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A whole number in a range (by default at least 0). */
export function integer<D extends number | undefined = undefined>(
  settings: RangeSettings<D>,
): OptionDeclaration<number | D> {
  const range = { min: 0, ...settings };
  return declare("N", `a whole number${describeRange(range)}`, settings, (text) => {
    const value = parseDecimal(text, range);
    return Number.isSafeInteger(value) ? value : undefined;
  });
}

/** A finite number in a range. */
export function number<D extends number | undefined = undefined>(
  settings: RangeSettings<D>,
): OptionDeclaration<number | D> {
  return declare("X", `a number${describeRange(settings)}`, settings, (text) => parseDecimal(text, settings));
}

/** Any text. */
export function text<D extends string | undefined = undefined>(
  settings: CommonSettings<D> & { readonly placeholder?: string },
): OptionDeclaration<string | D> {
  return declare(settings.placeholder ?? "TEXT", "a text", settings, (value) => value);
}

/** A file or folder; the command line turns it into an absolute path. */
export function path<D extends string | undefined = undefined>(
  settings: CommonSettings<D> & { readonly placeholder?: string },
): OptionDeclaration<string | D> & PathRule {
  const placeholder = settings.placeholder ?? "PATH";
  return {
    ...declare(placeholder, "a path", settings, (value) => (value === "" ? undefined : value)),
    isPath: () => true,
  };
}

/** One of a few words, or a library: by its path, or by the bare name that the dynamic linker knows. */
export function wordOrLibrary<const W extends string>(
  words: readonly W[],
  settings: { readonly help: string; readonly default: W; readonly mayChange?: boolean },
): OptionDeclaration<string> & PathRule {
  const expects = `one of ${words.join(", ")}, or a library's file`;
  const placeholder = [...words, "PATH"].join("|");
  return {
    ...declare<string, string>(placeholder, expects, settings, (value) => (value === "" ? undefined : value)),
    isPath: (value) => /[\\/]/.test(value),
  };
}

/** One of a few words. */
export function choice<const C extends string>(
  choices: readonly C[],
  settings: Omit<CommonSettings<C>, "default"> & { readonly default: C },
): OptionDeclaration<C> {
  return declare<C, C>(choices.join("|"), `one of ${choices.join(", ")}`, settings, (value) =>
    choices.find((known) => known === value),
  );
}

/** A switch that is off unless given. */
export function flag(settings: Omit<CommonSettings<boolean>, "default">): OptionDeclaration<boolean> {
  const words: Readonly<Record<string, boolean>> = { true: true, false: false };
  const declared = declare<boolean, boolean>("", "true or false", { ...settings, default: false }, (t) => words[t]);
  return { ...declared, takesValue: false };
}

/** How an option is written on the command line: `maxLen` → `--max-len`. */
export function optionFlag(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Which values of an option are paths. */
interface PathRule {
  readonly isPath: (value: string) => boolean;
}

/** Whether the value is a path, which is stored absolute so that a run can be resumed from any folder. */
export function isPathValue(declaration: OptionDeclaration<unknown> & Partial<PathRule>, value: string): boolean {
  return declaration.isPath?.(value) ?? false;
}

/**
 * The value of an option from its text.
 * @throws TensorError `argument`, naming the option, what it expects and what it got.
 */
export function parseOption<T>(name: string, declaration: OptionDeclaration<T>, value: string): T {
  const parsed = declaration.parse(value);
  if (parsed !== undefined) return parsed;
  const message = `${optionFlag(name)}: expected ${declaration.expects}, got ${JSON.stringify(value)}`;
  throw new TensorError("argument", message, { op: optionFlag(name), expected: declaration.expects, got: value });
}

function declare<T, D extends T | undefined>(
  placeholder: string,
  expects: string,
  settings: CommonSettings<D>,
  parse: (text: string) => T | undefined,
): OptionDeclaration<T | D> {
  return {
    takesValue: true,
    placeholder,
    expects,
    help: settings.help,
    default: settings.default as D,
    mayChange: settings.mayChange ?? false,
    parse,
  };
}

function parseDecimal(value: string, range: RangeSettings<unknown>): number | undefined {
  const parsed = decimal.test(value) ? Number(value) : Number.NaN;
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, aboveMin = false } = range;
  const inRange = Number.isFinite(parsed) && parsed <= max && (aboveMin ? parsed > min : parsed >= min);
  return inRange ? parsed : undefined;
}

function describeRange({ min, max, aboveMin = false }: RangeSettings<unknown>): string {
  if (min !== undefined && max !== undefined)
    return aboveMin ? ` above ${min} and up to ${max}` : ` from ${min} to ${max}`;
  if (min !== undefined) return aboveMin ? ` above ${min}` : ` of at least ${min}`;
  return max === undefined ? "" : ` of at most ${max}`;
}
