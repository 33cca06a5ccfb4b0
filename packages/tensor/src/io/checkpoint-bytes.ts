// A checkpoint as the bytes of one safetensors file, for where there is no file system. Tensors are named part.name, so
// that others can read the model; everything else is JSON in the metadata.

import { TensorError } from "../errors.js";
import type { Tensor } from "../tensor.js";
import {
  type Checkpoint,
  type CheckpointPart,
  encodeParts,
  type LoadCheckpointOptions,
  restore,
} from "./checkpoint.js";
import { type CheckpointValue, decodeTree } from "./checkpoint-tree.js";
import { inspectSafetensors, loadSafetensors, serializeSafetensors } from "./safetensors.js";

const metadataKey = "torchium-checkpoint";
const formatVersion = 1;
const where = "the bytes given";

/**
 * A checkpoint as one safetensors file, for a page to download: the same parts that `saveCheckpoint` takes.
 * @throws TensorError `argument` for a value that cannot be saved, `state` when a tensor is updated meanwhile
 */
export async function serializeCheckpoint(
  parts: Readonly<Record<string, CheckpointPart>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const encoded = encodeParts("serializeCheckpoint", parts);
  // No part has a dot in its name.
  const tensors = encoded.flatMap((part) =>
    Object.entries(part.tensors).map(([key, t]) => [`${part.name}.${key}`, t] as const),
  );
  const state = Object.fromEntries(encoded.map(({ name, json }) => [name, json]));
  const metadata = { [metadataKey]: JSON.stringify({ version: formatVersion, state }) };
  return serializeSafetensors(Object.fromEntries(tensors), metadata);
}

/**
 * Loads what `serializeCheckpoint` made, part by part; `into` also hands each of its objects its part.
 * @throws TensorError `format` when the bytes are no such checkpoint or a part of `into` is missing; nothing has been
 * restored then
 */
export async function deserializeCheckpoint(
  bytes: Uint8Array | ArrayBuffer,
  options: LoadCheckpointOptions = {},
): Promise<Checkpoint> {
  const { metadata } = await inspectSafetensors(bytes);
  const state = readState(metadata[metadataKey]);
  const loaded = Object.entries(await loadSafetensors(bytes, options));
  const parts = Object.entries(state).map(([name, json]): [string, CheckpointValue] => {
    const own = loaded.filter(([key]) => key.startsWith(`${name}.`));
    const tensors: Record<string, Tensor> = Object.fromEntries(own.map(([key, t]) => [key.slice(name.length + 1), t]));
    return [name, decodeTree(json, tensors, where)];
  });
  const checkpoint: Checkpoint = Object.fromEntries(parts);
  await restore(checkpoint, options.into ?? {}, where);
  return checkpoint;
}

function readState(text: string | undefined): Readonly<Record<string, unknown>> {
  if (text === undefined) throw formatError("no checkpoint, got a safetensors file without a training state");
  let value: { readonly version?: unknown; readonly state?: unknown } | null;
  try {
    value = JSON.parse(text) as typeof value;
  } catch (cause) {
    throw formatError("the training state is not JSON", cause);
  }
  const { version, state } = value ?? {};
  if (version !== formatVersion) throw formatError(`got version ${JSON.stringify(version)}, expected ${formatVersion}`);
  if (typeof state === "object" && state !== null) return state as Readonly<Record<string, unknown>>;
  throw formatError("the training state is damaged");
}

const formatError = (what: string, cause?: unknown): TensorError =>
  new TensorError("format", `deserializeCheckpoint: ${what}, in ${where}`, { path: where }, cause);
