// Rows of a table by ids, one-hot vectors.

import { checkFlag, checkOptions } from "../../arguments.js";
import { checkTensor } from "../../autograd/checks.js";
import type { DType } from "../../dtype.js";
import { argumentError } from "../../errors.js";
import * as f from "../../functions.js";
import type { Tensor } from "../../tensor.js";
import { any, checkShape } from "../checks.js";

/** Options of `embedding`. */
export type EmbeddingOptions = {
  /** The row that takes no gradient, counted from the end when negative. */
  readonly paddingIdx?: number;
  /** Whether the table's gradient holds the rows used and no others; false unless given. */
  readonly sparse?: boolean;
};

/**
 * Rows of `weight` [size, width] by integer ids of any shape; [ids…, width].
 * @throws TensorError `index` when the host knows of an id outside the table, `dtype`, `shape`, `argument`
 */
export function embedding(ids: Tensor, weight: Tensor, options: EmbeddingOptions = {}): Tensor {
  checkOptions("embedding", options, ["paddingIdx", "sparse"]);
  const { paddingIdx, sparse = false } = options;
  checkFlag("embedding", "sparse", sparse);
  checkTensor("embedding", weight, "the weight");
  checkShape("embedding", "the weight", weight, [any, any], true);
  const rows = f.embedding(weight, ids, { sparse });
  if (paddingIdx === undefined) return rows;
  const padding = resolvePadding("embedding", paddingIdx, weight.shape[0]!);
  // The same values on both sides: only the gradient tells them apart.
  return f.where(ids.eq(padding).unsqueeze(-1), rows.detach(), rows);
}

/** The padding row counted from the start. @throws TensorError `argument` when there is no such row */
export function resolvePadding(op: string, paddingIdx: number, size: number): number {
  if (Number.isInteger(paddingIdx) && paddingIdx >= -size && paddingIdx < size) return (paddingIdx + size) % size;
  throw argumentError(op, "paddingIdx", `an integer in [${-size}, ${size - 1}]`, paddingIdx);
}

/** 1 where the position along a new last axis of `numClasses` equals the id, else 0. @throws TensorError `index` */
export function oneHot(ids: Tensor, numClasses: number, dtype: DType = "int32"): Tensor {
  if (!Number.isInteger(numClasses) || numClasses < 1) {
    throw argumentError("oneHot", "numClasses", "a positive integer", numClasses);
  }
  return f.oneHot(ids, numClasses, dtype);
}
