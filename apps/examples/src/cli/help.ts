// Help text, derived from the examples and their option declarations.
import type { Example } from "../example.js";
import { declarationsOf, defaultExampleName } from "./arguments.js";
import { type OptionDeclaration, type OptionDeclarations, optionFlag } from "./option.js";
import { sharedTrainOptions, sharedUseOptions } from "./shared-options.js";

const widest = 100;

/** Help for the runner as a whole: the examples, and what they share. */
export function overviewHelp(examples: readonly Example[], command: string): string {
  return [
    `Usage: ${command} [example] [use] [options]`,
    "",
    "Examples",
    ...table(examples.map(({ name, title }) => [name, name === defaultExampleName ? `${title} (default)` : title])),
    "",
    `Options every example takes (${command} <example> --help shows its own)`,
    ...optionLines(sharedTrainOptions),
    "",
    `Options of ${command} <example> use`,
    ...optionLines(sharedUseOptions),
    "",
  ].join("\n");
}

/** Help for one example's training or use. */
export function exampleHelp(example: Example, action: "train" | "use", command: string): string {
  const declarations = declarationsOf(example, action);
  const own = action === "use" ? example.useOptions : example.options;
  const shared: OptionDeclarations = Object.fromEntries(
    Object.entries(declarations).filter(([name]) => !(name in own)),
  );
  const usage =
    action === "use"
      ? `${command} ${example.name} use [options]${example.input === undefined ? "" : " [words]"}`
      : `${command} ${example.name} [options]`;
  const withData: OptionDeclarations =
    "data" in shared ? { ...shared, data: { ...shared.data, help: example.data } } : shared;
  return [
    `${example.name}: ${example.title}`,
    "",
    `Usage: ${usage}`,
    ...(action === "use" && example.input !== undefined ? ["", ...wrap(`words: ${example.input}`, "")] : []),
    ...(Object.keys(own).length === 0 ? [] : ["", `Options of ${example.name}`, ...optionLines(own)]),
    "",
    "Shared options",
    ...optionLines(withData),
    ...(action === "train" ? ["", `${command} ${example.name} use --help shows how the trained model is used.`] : []),
    "",
  ].join("\n");
}

function optionLines(declarations: OptionDeclarations): string[] {
  return table(
    Object.entries(declarations).map(([name, declaration]) => [
      `${optionFlag(name)} ${declaration.placeholder}`.trimEnd(),
      describe(declaration),
    ]),
  );
}

function describe(declaration: OptionDeclaration<unknown>): string {
  const notes: string[] = [];
  if (["N", "X"].includes(declaration.placeholder)) notes.push(declaration.expects);
  if (declaration.takesValue && declaration.default !== undefined) notes.push(`default ${shown(declaration.default)}`);
  return notes.length === 0 ? declaration.help : `${declaration.help} (${notes.join("; ")})`;
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const left = Math.max(0, ...rows.map(([name]) => name.length)) + 4;
  return rows.flatMap(([name, meaning]) => {
    const [first, ...rest] = wrap(meaning, " ".repeat(left));
    return [`  ${name}`.padEnd(left) + first.trimStart(), ...rest];
  });
}

function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(" ")) {
    const longer = line === indent ? indent + word : `${line} ${word}`;
    if (longer.length > widest && line !== indent) {
      lines.push(line);
      line = indent + word;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}

/** A value as help shows it: text that would not be seen, such as a line break, in quotes. */
const shown = (value: unknown): string =>
  typeof value === "string" && !value.trim() ? JSON.stringify(value) : `${value}`;
