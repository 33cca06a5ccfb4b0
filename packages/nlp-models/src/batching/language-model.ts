// Language-model blocks: inputs, and the same tokens one place on as labels.

import { argumentError, TensorError } from "@torchium/tensor";
import type { IdBlock } from "./id-block.js";
import { type RandomSource, randomInt } from "./random-source.js";

/** Inputs and what should follow each of them. */
export interface LanguageModelBatch {
  /** [rows, length] */
  readonly inputIds: IdBlock;
  /** [rows, length]: `labels[r, t]` follows `inputIds[r, t]` in the text. */
  readonly labels: IdBlock;
}

/**
 * The text cut into consecutive windows; a tail that fills no window is left out. The windows share the memory of
 * `ids`, so `ids` must not change while they are used.
 * @throws `argument` for a length out of range, `shape` for a text too short for one window and its labels.
 */
export function consecutiveWindows(ids: Int32Array, length: number): LanguageModelBatch {
  const rows = Math.floor((ids.length - 1) / checkLength("consecutiveWindows", ids, length));
  const shape = [rows, length];
  return {
    inputIds: { data: ids.subarray(0, rows * length), shape },
    labels: { data: ids.subarray(1, rows * length + 1), shape },
  };
}

/**
 * Windows at places drawn uniformly from the text (nanoGPT's batches).
 * @throws `argument` for sizes out of range, `shape` for a text too short for one window and its labels.
 */
export function randomWindows(
  ids: Int32Array,
  length: number,
  batchSize: number,
  random: RandomSource,
): LanguageModelBatch {
  checkLength("randomWindows", ids, length);
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw argumentError("randomWindows", "batchSize", "a positive integer", batchSize);
  }
  const shape = [batchSize, length];
  const inputs = new Int32Array(batchSize * length);
  const labels = new Int32Array(batchSize * length);
  for (let row = 0; row < batchSize; row++) {
    const start = randomInt(random, ids.length - length);
    inputs.set(ids.subarray(start, start + length), row * length);
    labels.set(ids.subarray(start + 1, start + length + 1), row * length);
  }
  return { inputIds: { data: inputs, shape }, labels: { data: labels, shape } };
}

function checkLength(op: string, ids: Int32Array, length: number): number {
  if (!Number.isInteger(length) || length < 1) throw argumentError(op, "length", "a positive integer", length);
  if (ids.length > length) return length;
  throw new TensorError(
    "shape",
    `${op}: the text is too short, got ${ids.length} ids, expected ${length + 1} or more`,
    {
      op,
      ids: ids.length,
      length,
    },
  );
}
