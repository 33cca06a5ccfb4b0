// `<example> [options]`: a new run or a resumed one, and what to tell the person when it ends.
import { TensorError } from "@torchium/tensor";
import { openDevice } from "../device.js";
import type { Fact, TrainContext } from "../example.js";
import { type Configuration, readConfiguration, resumedOptions } from "../run/configuration.js";
import { newRunFolder, shellPath } from "../run/run-folders.js";
import { rejectOccupied, TrainingInterrupted, TrainingRun } from "../run/training-run.js";
import type { Invocation } from "./arguments.js";
import type { CliEnvironment } from "./environment.js";
import type { SharedTrainOptions } from "./shared-options.js";
import { styled } from "./terminal.js";

/** Trains an example's model. */
export async function trainModel(invocation: Invocation, environment: CliEnvironment): Promise<void> {
  const { example } = invocation;
  const { cwd, command, output } = environment;
  const { folder, configuration, resumed } = await openRun(invocation, environment);
  const options = configuration.options as TrainContext["options"];
  const path = shellPath(folder, cwd);
  const run = new TrainingRun({
    folder,
    place: path,
    title: `${example.name}: ${example.title}`,
    configuration,
    resumed,
    terminal: output,
    signals: environment.signals,
    clock: environment.clock,
    stopAfter: options.steps,
  });
  // Through the display, so that a line printed during training does not run into the live one.
  const print = (line: string) => run.display.note(line);
  print(styled(output, "bold", `${example.name}: ${example.title}`));
  try {
    print(`device: ${(await openDevice(options)).info}`);
    await example.train({
      options,
      run,
      print,
      describe: (facts) => {
        run.describe(facts);
        for (const [name, value] of Object.entries(facts)) print(`${name}: ${showFact(value)}`);
      },
    });
  } catch (error) {
    if (error instanceof TrainingInterrupted) {
      print(`Stopped at step ${error.step}, saved in ${path}. To continue:`);
      print(`  ${command} ${example.name} --resume ${path}`);
    }
    throw error;
  }
  print(`The curve, the metrics and the model are in ${path}. To use the model:`);
  print(`  ${command} ${example.name} use --from ${path}`);
}

interface OpenedRun {
  readonly folder: string;
  readonly configuration: Configuration;
  readonly resumed: boolean;
}

async function openRun(invocation: Invocation, { cwd, now }: CliEnvironment): Promise<OpenedRun> {
  const { example, declarations, options, given } = invocation;
  const { resume, out } = options as SharedTrainOptions;
  if (resume === undefined) {
    const started = now();
    const folder = out ?? (await newRunFolder(cwd, example.name, started));
    await rejectOccupied(folder);
    const configuration = {
      example: example.name,
      started: started.toISOString(),
      options: stored(options),
      facts: {},
    };
    return { folder, configuration, resumed: false };
  }
  if (out !== undefined) {
    const message = `--out: a resumed run stays in its folder, got ${out}, expected no --out beside --resume`;
    throw new TensorError("argument", message, { op: "--out", got: out });
  }
  const before = await readConfiguration(resume, example, declarations);
  const merged = resumedOptions(before.options, options, given, declarations);
  return { folder: resume, configuration: { ...before, options: stored(merged) }, resumed: true };
}

/** Options as the configuration file keeps them: without those that only say which run this is. */
function stored(options: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { out: _out, resume: _resume, help: _help, ...rest } = options;
  return rest;
}

function showFact(value: Fact): string {
  return typeof value === "number" ? value.toLocaleString("en-US") : String(value);
}
