// A run as a checkpoint: the example's parts, and in the part `page` everything that it takes to make the run anew.

import { TensorError } from "@torchium/tensor";
import { type CheckpointValue, deserializeCheckpoint, serializeCheckpoint } from "@torchium/tensor/io";
import { examples } from "../examples/examples.js";
import type { Run } from "../examples/run.js";
import type { Point, RunSettings } from "../messages.js";

/** What a checkpoint says of its run. */
export type SavedRun = { readonly settings: RunSettings; readonly step: number; readonly history: readonly Point[] };

/** The bytes of a checkpoint: a safetensors file that Node loads, too. */
export function saveRun({ parts }: Run, { settings, step, history }: SavedRun): Promise<Uint8Array<ArrayBuffer>> {
  return serializeCheckpoint({ ...parts, page: { settings, step, losses: history.map((point) => point.loss) } });
}

/** What a checkpoint says of its run. @throws TensorError `format` when it is none of this page's */
export async function readSavedRun(bytes: Uint8Array | ArrayBuffer): Promise<SavedRun> {
  const { page } = (await deserializeCheckpoint(bytes).catch((error: unknown) => {
    throw notOurs(error instanceof Error ? error.message : String(error));
  })) as { readonly page?: CheckpointValue };
  const { settings, step, losses } = (page ?? {}) as Record<string, unknown>;
  if (!isSettings(settings) || !isCount(step) || !Array.isArray(losses) || losses.length !== step)
    throw notOurs("a checkpoint without its settings");
  return { settings, step, history: losses.map((loss: number, i) => ({ step: i + 1, loss })) };
}

const notOurs = (got: string): TensorError =>
  new TensorError(
    "format",
    `load: this cannot be gone on with, got ${got}, expected a checkpoint that this page has saved`,
  );

/** Gives a run the state in a checkpoint. */
export async function restoreRun({ parts }: Run, bytes: Uint8Array | ArrayBuffer): Promise<void> {
  await deserializeCheckpoint(bytes, { into: parts as never });
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function isSettings(value: unknown): value is RunSettings {
  const { example, size, steps, seed, text } = (value ?? {}) as Partial<Record<keyof RunSettings, unknown>>;
  return (
    typeof example === "string" &&
    Object.hasOwn(examples, example) &&
    ["tiny", "small", "medium"].includes(size as string) &&
    isCount(steps) &&
    isCount(seed) &&
    typeof text === "string"
  );
}
