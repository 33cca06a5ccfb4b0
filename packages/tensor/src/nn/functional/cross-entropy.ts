// Cross entropy and negative log-likelihood over class ids. No one-hot array and no second array of the logits' size is
// made: a row program reads the logits and gives one number a row.

import { checkInteger, checkOptions } from "../../arguments.js";
import { checkTensor } from "../../autograd/checks.js";
import { isInteger } from "../../dtype.js";
import { argumentError, TensorError } from "../../errors.js";
import * as f from "../../functions.js";
import { crossEntropyRow, nllRow, weightedCrossEntropyRow } from "../../ops/index.js";
import { checkIds } from "../../ops/indexing.js";

import { type Shape, sameShape } from "../../shape.js";
import type { Tensor } from "../../tensor.js";
import { checkFloat, checkShape } from "../checks.js";
import { checkProbability } from "../options.js";

/** What a loss gives: the mean over what counts, the sum, or one value each. */
export type Reduction = "mean" | "sum" | "none";

/** Options of `nllLoss`. */
export type NllOptions = {
  /** A weight a class, [C]. */
  readonly weight?: Tensor;
  /** The target that counts for nothing; −100 unless given. */
  readonly ignoreIndex?: number;
  /** "mean" unless given: over the targets that count, by their weights; 0 when none does. */
  readonly reduction?: Reduction;
};

/** Options of `crossEntropy`. */
export type CrossEntropyOptions = NllOptions & {
  /** How much of each target is spread over all classes: 0 to 1, 0 unless given. */
  readonly labelSmoothing?: number;
};

/**
 * `−Σ q ln softmax(logits)` with `q = (1 − ε)·onehot(target) + ε/C`. Logits [N, C], [N, C, d…] or [C], targets the same
 * without the axis of classes, integers. @throws TensorError `shape`, `dtype`, `argument`, `index`
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  checkOptions("crossEntropy", options, ["weight", "ignoreIndex", "labelSmoothing", "reduction"]);
  const { weight, ignoreIndex = -100, labelSmoothing = 0, reduction = "mean" } = options;
  checkProbability("crossEntropy", "labelSmoothing", labelSmoothing);
  const { rows, ids, shape } = classRows("crossEntropy", logits, target, weight, ignoreIndex);
  const scalars = [labelSmoothing, ignoreIndex];
  const losses = weight
    ? weightedCrossEntropyRow([rows, ids, weight.to(rows.dtype)], scalars)
    : crossEntropyRow([rows, ids], scalars);
  return reduced("crossEntropy", losses, ids, weight, ignoreIndex, reduction, shape);
}

/**
 * `−w[target]·x[target]` of log-probabilities [N, C], [N, C, d…] or [C]; targets the same without the axis of classes.
 * @throws TensorError `shape`, `dtype`, `argument`, `index`
 */
export function nllLoss(logProbabilities: Tensor, target: Tensor, options: NllOptions = {}): Tensor {
  checkOptions("nllLoss", options, ["weight", "ignoreIndex", "reduction"]);
  const { weight, ignoreIndex = -100, reduction = "mean" } = options;
  const { rows, ids, shape } = classRows("nllLoss", logProbabilities, target, weight, ignoreIndex);
  const weighted = weight ? rows.mul(weight) : rows;
  return reduced("nllLoss", nllRow([weighted, ids], [ignoreIndex]), ids, weight, ignoreIndex, reduction, shape);
}

type ClassRows = { readonly rows: Tensor; readonly ids: Tensor; readonly shape: Shape };

/** Scores [rows, C] and int32 ids [rows] from the forms that PyTorch takes; `shape` is the target's. */
function classRows(
  op: string,
  scores: Tensor,
  target: Tensor,
  weight: Tensor | undefined,
  ignoreIndex: number,
): ClassRows {
  checkFloat(op, "the input", scores);
  if (scores.ndim === 0) throw argumentError(op, "the input", "[C], [N, C] or [N, C, d…]", "a scalar");
  checkInteger(op, "ignoreIndex", ignoreIndex);
  checkTensor(op, target, "the target");
  if (weight !== undefined) checkFloat(op, "the weight", weight);
  const axis = scores.ndim === 1 ? 0 : 1;
  const expected = scores.shape.filter((_, i) => i !== axis);
  if (sameShape(target.shape, scores.shape) && !isInteger(target.dtype)) {
    throw new TensorError(
      "unsupported",
      `${op}: targets must be class ids, got probabilities (${target.dtype}), expected int32; for probabilities sum target·logSoftmax`,
      { op },
    );
  }
  checkShape(op, "the target", target, expected, true);
  const classes = scores.shape[axis]!;
  checkIds(op, target, classes, ignoreIndex);
  if (weight) checkShape(op, "the weight", weight, [classes], true);
  const last = scores.ndim - 1;
  const moved = axis === last ? scores : scores.permute([0, ...range(2, last), 1]);
  const ids = target.to("int32").reshape(target.numel);
  return { rows: moved.reshape([target.numel, classes]), ids, shape: target.shape };
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

function reduced(
  op: string,
  losses: Tensor,
  ids: Tensor,
  weight: Tensor | undefined,
  ignoreIndex: number,
  reduction: Reduction,
  shape: Shape,
): Tensor {
  if (reduction === "none") return losses.reshape(shape);
  if (reduction === "sum") return losses.sum();
  if (reduction !== "mean") throw argumentError(op, "reduction", '"mean", "sum" or "none"', reduction);
  const counts = ids.ne(ignoreIndex);
  if (!weight) return losses.sum().div(counts.sum().maximum(1));
  const known = f.where(counts, ids, 0);
  const total = f.where(counts, f.indexSelect(weight, 0, known), 0).sum();
  return losses.sum().div(f.where(total.eq(0), 1, total));
}
