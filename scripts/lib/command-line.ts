// What a command of this repository takes, declared once: `--help` prints it, and what it does not take is one line.
import { type ParseArgsConfig, parseArgs } from "node:util";

type OptionConfig = NonNullable<ParseArgsConfig["options"]>[string];

/** Options by their name on the command line. One without `help` is for the command's own children. */
export type CommandOptions = Readonly<
  Record<string, OptionConfig & { readonly value?: string; readonly help?: string }>
>;

interface Described {
  /** The word after `npm run`. */
  readonly name: string;
  /** What the command does. */
  readonly about: string;
}

/** A command as its program declares it. */
export interface Command<O extends CommandOptions> extends Described {
  readonly options: O;
  /** What words beside the options mean; without it, words are a mistake. */
  readonly words?: string;
}

/** A command whose arguments go to a tool as they are. */
export interface ToolCommand extends Described {
  readonly tool: string;
}

/** Ends with a message for the one who typed the command. */
export function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

/** The text of `--help`. */
export function usageOf(command: Command<CommandOptions> | ToolCommand): string {
  const rows = "tool" in command ? toolRows(command) : optionRows(command);
  const widest = Math.max(0, ...rows.map(([left]) => left.length)) + 2;
  const npm = command.name === "test" ? "npm test" : `npm run ${command.name}`;
  return [
    `usage: ${npm}${rows.length > 0 ? " -- [arguments]" : ""}`,
    command.about,
    ...rows.map(([left, right]) => `  ${left.padEnd(widest)}${right}`),
  ].join("\n");
}

type Row = readonly [left: string, right: string];

const toolRows = ({ tool }: ToolCommand): readonly Row[] => [["…", `what ${tool} takes`]];

function optionRows({ options, words }: Command<CommandOptions>): readonly Row[] {
  const rows = Object.entries(options).flatMap(([name, { value, help, default: fallback }]): Row[] => {
    if (help === undefined) return [];
    const left = value === undefined ? `--${name}` : `--${name} ${value}`;
    return [[left, typeof fallback === "string" ? `${help} (default ${fallback})` : help]];
  });
  return words === undefined ? rows : [["…", words], ...rows];
}

function answerHelp(command: Command<CommandOptions> | ToolCommand, args: readonly string[]): void {
  if (!args.includes("--help")) return;
  console.log(usageOf(command));
  process.exit(0);
}

/**
 * The values of a command line's options, and its words. Ends the process after `--help`, and with exit code 2 and one
 * line for what the command does not take.
 */
export function readCommandLine<O extends CommandOptions>(
  command: Command<O>,
  args: readonly string[] = process.argv.slice(2),
): ReturnType<typeof parseArgs<{ options: O; allowPositionals: true }>> {
  answerHelp(command, args);
  try {
    const config = { args: [...args], options: command.options, allowPositionals: command.words !== undefined };
    return parseArgs(config) as ReturnType<typeof parseArgs<{ options: O; allowPositionals: true }>>;
  } catch (error) {
    // What Node adds after the first sentence is about words that look like options.
    const what = (error as Error).message.split(/\. |\n/)[0]!.replace(/\.$/, "");
    return fail(`${command.name}: ${what}; --help lists what it takes`);
  }
}

/** The arguments that go to a command's tool. Ends the process after `--help`. */
export function passedOn(command: ToolCommand): readonly string[] {
  const args = process.argv.slice(2);
  answerHelp(command, args);
  return args;
}
