// Losses with a margin: what is right by more than it costs nothing.

import { minimum, where } from "../../functions.js";
import { readOptions } from "../../options/index.js";
import type { Tensor } from "../../tensor.js";
import { any, checkFloat, checkSameShape, checkShape, checkValues } from "../checks.js";
import { lossRules, type ReductionOption, reduced } from "./loss-rules.js";

/** Options of `cosineEmbeddingLoss`, `hingeEmbeddingLoss` and `marginRankingLoss`. */
export type MarginOptions = ReductionOption & {
  /** How much a pair must differ to cost nothing: 0 unless given, 1 for `hingeEmbeddingLoss`. */
  readonly margin?: number;
};

const checkSigns = (op: string, target: Tensor): void =>
  checkValues(op, "target", target, "1 or -1", (x) => x === 1 || x === -1);

// PyTorch's: a zero vector has the cosine 0 with every other.
const epsilon = 1e-12;

/**
 * `1 − cos(a, b)` for a pair with target 1, `max(0, cos(a, b) − margin)` for −1;
 * `cos(a, b) = a·b / √((|a|² + 1e-12)(|b|² + 1e-12))`. Vectors [N, D] with targets [N], or [D] with one target.
 * @throws TensorError `shape`, `dtype`, `argument`
 */
export function cosineEmbeddingLoss(
  input1: Tensor,
  input2: Tensor,
  target: Tensor,
  options: MarginOptions = {},
): Tensor {
  const op = "cosineEmbeddingLoss";
  checkFloat(op, "input1", input1);
  checkFloat(op, "input2", input2);
  checkSameShape(op, { input1, input2 });
  checkShape(op, "input1", input1, input1.ndim === 1 ? [any] : [any, any], true);
  checkShape(op, "target", target, input1.shape.slice(0, -1), true);
  checkSigns(op, target);
  const { margin, reduction } = readOptions(op, lossRules[op], options);
  const inverseLength = (x: Tensor) => x.square().sum(-1).add(epsilon).rsqrt();
  const cosine = input1.mul(input2).sum(-1).mul(inverseLength(input1)).mul(inverseLength(input2));
  const losses = where(target.gt(0), cosine.mul(-1).add(1), cosine.sub(margin).clamp(0));
  return reduced(losses, reduction);
}

/**
 * x where the target is 1, `max(0, margin − x)` where it is −1, for distances x.
 * @throws TensorError `shape`, `dtype`, `argument`
 */
export function hingeEmbeddingLoss(input: Tensor, target: Tensor, options: MarginOptions = {}): Tensor {
  const op = "hingeEmbeddingLoss";
  checkFloat(op, "input", input);
  checkSameShape(op, { input, target });
  checkSigns(op, target);
  const { margin, reduction } = readOptions(op, lossRules[op], options);
  return reduced(where(target.gt(0), input, input.neg().add(margin).clamp(0)), reduction);
}

/**
 * `max(0, −y (x₁ − x₂) + margin)`: with the target y = 1 the first should rank above the second, with −1 below.
 * @throws TensorError `shape`, `dtype`, `argument`
 */
export function marginRankingLoss(input1: Tensor, input2: Tensor, target: Tensor, options: MarginOptions = {}): Tensor {
  const op = "marginRankingLoss";
  checkFloat(op, "input1", input1);
  checkFloat(op, "input2", input2);
  checkSameShape(op, { input1, input2, target });
  checkSigns(op, target);
  const { margin, reduction } = readOptions(op, lossRules[op], options);
  return reduced(input2.sub(input1).mul(target).add(margin).clamp(0), reduction);
}

/** Options of `tripletMarginLoss`. */
export type TripletMarginOptions = ReductionOption & {
  /** How much nearer the positive must be to cost nothing; 1 unless given. */
  readonly margin?: number;
  /** The norm of the distance; 2 unless given. */
  readonly p?: number;
  /** Added to every difference; 1e-6 unless given. */
  readonly eps?: number;
  /** Takes the positive's distance to the negative when it is the smaller one; false unless given. */
  readonly swap?: boolean;
};

/**
 * `max(0, d(a, p) − d(a, n) + margin)` with `d(x, y) = ‖x − y + eps‖_p` (Schroff et al., FaceNet, arXiv 1503.03832;
 * the swap is Balntas et al. 2016). Three arrays of one shape, [N, D] or [D]. @throws TensorError `shape`, `dtype`, `argument`
 */
export function tripletMarginLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options: TripletMarginOptions = {},
): Tensor {
  const op = "tripletMarginLoss";
  for (const [name, x] of Object.entries({ anchor, positive, negative })) checkFloat(op, name, x);
  checkSameShape(op, { anchor, positive, negative });
  const { margin, p, eps, swap, reduction } = readOptions(op, lossRules[op], options);
  const distance = (x: Tensor, y: Tensor) => x.sub(y).add(eps).norm(p, -1);
  const far = distance(anchor, negative);
  const farthest = swap ? minimum(far, distance(positive, negative)) : far;
  return reduced(distance(anchor, positive).sub(farthest).add(margin).clamp(0), reduction);
}
