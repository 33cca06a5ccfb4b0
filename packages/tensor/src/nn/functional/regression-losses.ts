// Losses of two arrays of one shape: regression, binary classification, distributions.

import { softplus, where } from "../../functions.js";
import { readOptions } from "../../options/index.js";
import type { Tensor } from "../../tensor.js";
import { checkFloat, checkSameShape, checkValues } from "../checks.js";
import type { Reduction } from "./cross-entropy.js";
import { type LossOptions, lossRules, type ReductionOption, reduced } from "./loss-rules.js";

/** The checked options of a loss of an input and a target of one shape. */
function begin<N extends keyof typeof lossRules>(
  op: N,
  input: Tensor,
  target: Tensor,
  options: object,
): LossOptions<N> {
  checkFloat(op, "input", input);
  checkSameShape(op, { input, target });
  return readOptions(op, lossRules[op], options);
}

/** Squared error `(x − y)²`. @throws TensorError `shape`, `dtype`, `argument` */
export function mseLoss(input: Tensor, target: Tensor, options: ReductionOption = {}): Tensor {
  const { reduction } = begin("mseLoss", input, target, options);
  return reduced(input.sub(target).square(), reduction);
}

/** Absolute error `|x − y|`; gradient 0 where the two are equal. @throws TensorError `shape`, `dtype`, `argument` */
export function l1Loss(input: Tensor, target: Tensor, options: ReductionOption = {}): Tensor {
  const { reduction } = begin("l1Loss", input, target, options);
  return reduced(input.sub(target).abs(), reduction);
}

/** Options of `smoothL1Loss`. */
export type SmoothL1Options = ReductionOption & {
  /** Half the width of the rounded corner; 1 unless given, 0 gives `l1Loss`. */
  readonly beta?: number;
};

/**
 * With `d = |x − y|`: `½d²/beta` below `beta`, `d − ½beta` beyond (Girshick, Fast R-CNN, arXiv 1504.08083).
 * @throws TensorError `shape`, `dtype`, `argument`
 */
export function smoothL1Loss(input: Tensor, target: Tensor, options: SmoothL1Options = {}): Tensor {
  const { beta, reduction } = begin("smoothL1Loss", input, target, options);
  const distance = input.sub(target).abs();
  const line = distance.sub(0.5 * beta);
  if (beta === 0) return reduced(line, reduction);
  const square = distance.square().mul(0.5 / beta);
  return reduced(where(distance.lt(beta), square, line), reduction);
}

/** Options of `huberLoss`. */
export type HuberOptions = ReductionOption & {
  /** Where the square ends and the line begins; 1 unless given. */
  readonly delta?: number;
};

/**
 * With `d = |x − y|`: `½d²` up to `delta`, `delta·(d − ½delta)` beyond (Huber 1964, "Robust estimation of a location
 * parameter"). @throws TensorError `shape`, `dtype`, `argument`
 */
export function huberLoss(input: Tensor, target: Tensor, options: HuberOptions = {}): Tensor {
  const { delta, reduction } = begin("huberLoss", input, target, options);
  const distance = input.sub(target).abs();
  const square = distance.square().mul(0.5);
  const line = distance.sub(0.5 * delta).mul(delta);
  return reduced(where(distance.le(delta), square, line), reduction);
}

/** Options of `binaryCrossEntropy`. */
export type BinaryCrossEntropyOptions = ReductionOption & {
  /** Multiplies the element losses; any shape that broadcasts to theirs. */
  readonly weight?: Tensor;
};

/**
 * `−w (y ln x + (1 − y) ln(1 − x))` for probabilities x and targets y from 0 to 1. Logarithms are at least −100, as
 * PyTorch's; the gradient is 0 there. After a sigmoid use `binaryCrossEntropyWithLogits`, which is exact everywhere.
 * @throws TensorError `shape`, `dtype`, `argument`
 */
export function binaryCrossEntropy(input: Tensor, target: Tensor, options: BinaryCrossEntropyOptions = {}): Tensor {
  const { weight, reduction } = begin("binaryCrossEntropy", input, target, options);
  checkValues("binaryCrossEntropy", "input", input, "a probability from 0 to 1", (x) => x >= 0 && x <= 1);
  // 0 is replaced before the logarithm, because 0·∞ would reach the gradient.
  const limited = (nothing: Tensor, log: (safe: Tensor) => Tensor, instead: number): Tensor =>
    where(nothing, -100, log(where(nothing, instead, input)).clamp(-100));
  const positive = limited(input.eq(0), (x) => x.log(), 1);
  const negative = limited(input.eq(1), (x) => x.neg().log1p(), 0);
  const losses = target.mul(positive).add(target.mul(-1).add(1).mul(negative)).neg();
  return reduced(weight ? losses.mul(weight) : losses, reduction);
}

/** Options of `binaryCrossEntropyWithLogits`. */
export type BinaryCrossEntropyWithLogitsOptions = BinaryCrossEntropyOptions & {
  /** Multiplies the loss of positive targets, one weight a class; any shape that broadcasts. */
  readonly posWeight?: Tensor;
};

/**
 * `−w (p·y ln σ(x) + (1 − y) ln(1 − σ(x)))` for logits x and targets y from 0 to 1, written with
 * `softplus(x) = −ln(1 − σ(x))`, which is exact for logits of any size. @throws TensorError `shape`, `dtype`, `argument`
 */
export function binaryCrossEntropyWithLogits(
  input: Tensor,
  target: Tensor,
  options: BinaryCrossEntropyWithLogitsOptions = {},
): Tensor {
  const { weight, posWeight, reduction } = begin("binaryCrossEntropyWithLogits", input, target, options);
  const positive = target.mul(softplus(input.neg()));
  const negative = target.mul(-1).add(1).mul(softplus(input));
  const losses = negative.add(posWeight ? positive.mul(posWeight) : positive);
  return reduced(weight ? losses.mul(weight) : losses, reduction);
}

/** Options of `klDiv`. */
export type KlDivOptions = {
  /** The target holds log-probabilities; false unless given. */
  readonly logTarget?: boolean;
  /** "batchmean" is the sum over the batch size, the divergence's definition. "mean", over all elements, unless given. */
  readonly reduction?: Reduction | "batchmean";
};

/**
 * `t (ln t − x)` for log-probabilities x and probabilities t, 0 where t = 0 (Kullback & Leibler 1951). The order is
 * PyTorch's: the first argument is the model's distribution, in logarithms. @throws TensorError `shape`, `dtype`, `argument`
 */
export function klDiv(input: Tensor, target: Tensor, options: KlDivOptions = {}): Tensor {
  const { logTarget, reduction } = begin("klDiv", input, target, options);
  const nothing = target.eq(logTarget ? Number.NEGATIVE_INFINITY : 0);
  // A probability of 0 is replaced before the logarithm, because 0·∞ would reach the gradient.
  const safe = where(nothing, logTarget ? 0 : 1, target);
  const divergence = logTarget ? safe.exp().mul(safe.sub(input)) : safe.mul(safe.log().sub(input));
  const losses = where(nothing, 0, divergence);
  if (reduction !== "batchmean") return reduced(losses, reduction);
  return losses.sum().div(losses.shape[0] ?? 1);
}

/** Options of `poissonNllLoss`. */
export type PoissonNllOptions = ReductionOption & {
  /** The input is the logarithm of the rate; true unless given. */
  readonly logInput?: boolean;
  /** Adds Stirling's approximation of `ln y!` for targets above 1; false unless given. */
  readonly full?: boolean;
  /** Added to a rate before its logarithm; 1e-8 unless given. */
  readonly eps?: number;
};

/**
 * Negative log-likelihood of counts y under Poisson's distribution: `e^x − y·x` for the logarithm x of the rate, or
 * `x − y·ln(x + eps)` for the rate itself. @throws TensorError `shape`, `dtype`, `argument`
 */
export function poissonNllLoss(input: Tensor, target: Tensor, options: PoissonNllOptions = {}): Tensor {
  const { logInput, full, eps, reduction } = begin("poissonNllLoss", input, target, options);
  const losses = logInput ? input.exp().sub(target.mul(input)) : input.sub(target.mul(input.add(eps).log()));
  if (!full) return reduced(losses, reduction);
  const counted = target.gt(1);
  const count = where(counted, target, 1);
  const stirling = count
    .mul(count.log())
    .sub(count)
    .add(
      count
        .mul(2 * Math.PI)
        .log()
        .mul(0.5),
    );
  return reduced(losses.add(where(counted, stirling, 0)), reduction);
}

/** Options of `gaussianNllLoss`. */
export type GaussianNllOptions = ReductionOption & {
  /** Adds the constant `½ ln 2π`; false unless given. */
  readonly full?: boolean;
  /** The least variance; 1e-6 unless given. */
  readonly eps?: number;
};

/**
 * `½ (ln v + (x − y)²/v)` with variances v, held above `eps` without a change to their gradient. They have the input's
 * shape, or 1 for its last axis. @throws TensorError `shape`, `dtype`, `argument`
 */
export function gaussianNllLoss(
  input: Tensor,
  target: Tensor,
  variance: Tensor,
  options: GaussianNllOptions = {},
): Tensor {
  const op = "gaussianNllLoss";
  const { full, eps, reduction } = begin(op, input, target, options);
  checkFloat(op, "variance", variance);
  if (variance.shape[variance.ndim - 1] !== 1 || variance.ndim !== input.ndim) checkSameShape(op, { input, variance });
  checkValues(op, "variance", variance, "at least 0", (v) => v >= 0);
  const held = variance.add(variance.clamp(eps).sub(variance).detach());
  const losses = held.log().add(input.sub(target).square().div(held)).mul(0.5);
  return reduced(full ? losses.add(0.5 * Math.log(2 * Math.PI)) : losses, reduction);
}
