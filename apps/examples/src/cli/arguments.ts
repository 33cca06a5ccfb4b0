// Command line → what to run with which values. Every word is accounted for: a typo is an error that names
// the nearest known word, never something silently ignored.
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { suggestion, TensorError } from "@torchium/tensor";
import type { Example } from "../example.js";
import { isPathValue, type OptionDeclarations, optionFlag, parseOption } from "./option.js";
import { sharedTrainOptions, sharedUseOptions } from "./shared-options.js";

/** What a person asked for. */
export interface Invocation {
  readonly example: Example;
  readonly command: "train" | "use";
  /** The declarations that apply: the example's own and the shared ones. */
  readonly declarations: OptionDeclarations;
  /** A value for every declaration; paths are absolute. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The names of the options that were on the command line. */
  readonly given: ReadonlySet<string>;
  /** What stands after the options of `use`: the sentence to classify, the words to look up. */
  readonly words: readonly string[];
  /** `overview` when help was asked for without naming an example. */
  readonly help: "none" | "overview" | "example";
}

/** The example that runs when none is named. */
export const defaultExampleName = "gpt";

/**
 * Reads `<example> [use] [options] [words]`.
 * @param cwd The folder that relative paths start from.
 * @throws TensorError `argument` for an unknown example or option, a missing or malformed value.
 */
export function parseArguments(args: readonly string[], examples: readonly Example[], cwd: string): Invocation {
  const leading = args.findIndex((word) => word.startsWith("-"));
  const head = leading < 0 ? args : args.slice(0, leading);
  const named = head.length > 0 && head[0] !== "use";
  const example = findExample(named ? head[0] : defaultExampleName, examples);
  const command = head[named ? 1 : 0] === "use" ? "use" : "train";
  const rest = args.slice((named ? 1 : 0) + (command === "use" ? 1 : 0));
  const declarations = declarationsOf(example, command);
  const { given, words } = readOptions(rest, declarations, cwd);

  const help = given.get("help") !== true ? "none" : named ? "example" : "overview";
  if (help === "none") rejectWords(words, example, command);
  const options: Record<string, unknown> = {};
  for (const [name, { default: fallback }] of Object.entries(declarations)) {
    options[name] = given.has(name) ? given.get(name) : fallback;
  }
  return { example, command, declarations, options, given: new Set(given.keys()), words, help };
}

/** Every option of an example's command, shared ones first. */
export function declarationsOf(example: Example, command: "train" | "use"): OptionDeclarations {
  return command === "use"
    ? { ...sharedUseOptions, ...example.useOptions }
    : { ...sharedTrainOptions, ...example.options };
}

function findExample(name: string, examples: readonly Example[]): Example {
  const found = examples.find((example) => example.name === name);
  if (found !== undefined) return found;
  const names = examples.map((example) => example.name);
  const message = `example: no example is called ${JSON.stringify(name)}, ${suggestion(name, names)}`;
  throw new TensorError("argument", message, { op: "example", got: name, expected: names });
}

function readOptions(args: readonly string[], declarations: OptionDeclarations, cwd: string) {
  const nameOf = new Map(Object.keys(declarations).map((name) => [optionFlag(name).slice(2), name]));
  const types = Object.fromEntries(
    [...nameOf].map(([flagName, name]) => [
      flagName,
      { type: declarations[name].takesValue ? ("string" as const) : ("boolean" as const) },
    ]),
  );
  const { tokens } = parseArgs({
    args: args.map((word) => (word === "-h" ? "--help" : word)),
    options: types,
    strict: false,
    tokens: true,
  });

  const given = new Map<string, unknown>();
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const name = nameOf.get(token.name);
    if (name === undefined) throw unknownOption(token.rawName, [...nameOf.keys()]);
    const declaration = declarations[name];
    const value = valueOfToken(token, declaration.takesValue, declaration.expects);
    const parsed = parseOption(name, declaration, value);
    given.set(name, isPathValue(declaration, value) ? resolve(cwd, value) : parsed);
  }
  return { given, words };
}

interface OptionToken {
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function valueOfToken({ rawName, value, inlineValue }: OptionToken, takesValue: boolean, expects: string): string {
  if (!takesValue && value === undefined) return "true";
  if (!takesValue) throw argumentError(rawName, `${rawName}: takes no value, got ${JSON.stringify(value)}`);
  // `--out --steps 5`: the next option is not a folder name. `--out=--steps` says that it is.
  const swallowedOption = inlineValue === false && value?.startsWith("--") === true;
  if (value !== undefined && !swallowedOption) return value;
  throw argumentError(rawName, `${rawName}: needs a value, got ${value ?? "nothing"}, expected ${expects}`);
}

function unknownOption(rawName: string, known: readonly string[]): TensorError {
  const hint = suggestion(
    rawName,
    known.map((name) => `--${name}`),
  );
  return argumentError(rawName, `${rawName}: no such option, ${hint}`);
}

function rejectWords(words: readonly string[], example: Example, command: "train" | "use"): void {
  if (words.length === 0 || (command === "use" && example.input !== undefined)) return;
  const place = command === "use" ? `${example.name} use` : example.name;
  const hint = nearUse(words[0], command) ? "did you mean use?" : "expected options only";
  throw argumentError(place, `${place}: unexpected word ${JSON.stringify(words[0])}, ${hint}`);
}

function nearUse(word: string, command: "train" | "use"): boolean {
  return command === "train" && (word === "use" || suggestion(word, ["use"]).startsWith("did"));
}

function argumentError(op: string, message: string): TensorError {
  return new TensorError("argument", message, { op });
}
