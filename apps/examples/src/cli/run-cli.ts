// The runner: reads the command line, runs what it asks for, and turns what went wrong into a message for people
// and an exit code for programs.
import { TensorError } from "@torchium/tensor";
import { signalExitCode } from "../run/stop-signal.js";
import { TrainingInterrupted } from "../run/training-run.js";
import { type Invocation, parseArguments } from "./arguments.js";
import type { CliEnvironment } from "./environment.js";
import { exampleHelp, overviewHelp } from "./help.js";
import { styled, type Terminal } from "./terminal.js";
import { trainModel } from "./train-command.js";
import { useModel } from "./use-command.js";

/**
 * Runs one command line.
 * @returns The exit code: 0 done, 1 a bug, 2 a mistake of the user or a fault of the machine, 130 or 143 stopped
 *   by a signal with the checkpoint saved.
 */
export async function runCli(args: readonly string[], environment: CliEnvironment): Promise<number> {
  try {
    const invocation = parseArguments(args, environment.examples, environment.cwd);
    if (invocation.help !== "none") environment.output.write(helpText(invocation, environment));
    else if (invocation.command === "use") await useModel(invocation, environment);
    else await trainModel(invocation, environment);
    return 0;
  } catch (error) {
    if (error instanceof TrainingInterrupted) return signalExitCode(error.signal);
    reportError(error, environment.errors);
    return isUsersFault(error) ? 2 : 1;
  }
}

/** Faults that only the example's or the toolkit's own code can cause: they need a stack, not a better command line. */
const bugCodes: ReadonlySet<string> = new Set(["shape", "dtype", "stale-tensor", "disposed", "internal"]);

function isUsersFault(error: unknown): error is TensorError {
  return TensorError.is(error) && !bugCodes.has(error.code);
}

function reportError(error: unknown, terminal: Terminal): void {
  const failure = error instanceof Error ? error : new Error(String(error));
  const text = isUsersFault(error) ? failure.message : failure.stack;
  terminal.write(`${styled(terminal, "red", "error")} ${text}\n`);
}

function helpText({ help, example, command }: Invocation, environment: CliEnvironment): string {
  return help === "overview"
    ? overviewHelp(environment.examples, environment.command)
    : exampleHelp(example, command, environment.command);
}
