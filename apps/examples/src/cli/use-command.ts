// `<example> use [options] [words]`: hands a trained run to the example.
import { join } from "node:path";
import { TensorError } from "@torchium/tensor";
import { openDevice } from "../device.js";
import type { UseContext } from "../example.js";
import { CheckpointFolder } from "../run/checkpoint-folder.js";
import { readConfiguration } from "../run/configuration.js";
import { latestRun } from "../run/run-folders.js";
import { declarationsOf, type Invocation } from "./arguments.js";
import type { CliEnvironment } from "./environment.js";
import type { SharedUseOptions } from "./shared-options.js";

/** Uses an example's trained model. */
export async function useModel(invocation: Invocation, environment: CliEnvironment): Promise<void> {
  const { example, words } = invocation;
  const options = invocation.options as SharedUseOptions;
  const folder = options.from ?? (await latestRun(environment.cwd, example.name));
  const configuration = await readConfiguration(folder, example, declarationsOf(example, "train"));
  const checkpoint = new CheckpointFolder(join(folder, "checkpoint"));
  if ((await checkpoint.progress()) === undefined) {
    const message = `--from: the run has no checkpoint, got ${folder}, expected one that was trained (--resume ${folder})`;
    throw new TensorError("file", message, { op: "--from", folder });
  }
  await openDevice(options);
  await example.use({
    options,
    words,
    trained: {
      options: configuration.options as UseContext["trained"]["options"],
      facts: configuration.facts,
      checkpoint: checkpoint.path,
    },
    print: (line) => environment.output.write(`${line}\n`),
  });
}
