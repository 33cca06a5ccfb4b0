// Kullback-Leibler divergence between distributions.

import { type Tensor, where } from "@torchium/tensor";
import { flag, type OptionTable, oneOf } from "@torchium/tensor/options";
import { checkPair } from "./checks.js";
import { Criterion, type LossDeclaration } from "./criterion.js";
import { type Reduction, reduced } from "./reduction.js";

/** Options of `KLDivLoss`. */
export type KLDivLossOptions = {
  /** The target holds log-probabilities; false unless given. */
  readonly logTarget?: boolean;
  /** "batchmean" is the sum over the batch size, the divergence's definition. "mean", over all elements, unless given. */
  readonly reduction?: Reduction | "batchmean";
};

const rules = {
  logTarget: flag(false),
  reduction: oneOf(["mean", "sum", "none", "batchmean"], "mean"),
} satisfies OptionTable<KLDivLossOptions>;

/**
 * `t (ln t − x)` for log-probabilities x and probabilities t, 0 where t = 0 (Kullback & Leibler 1951). The order is
 * PyTorch's: the first argument is the model's distribution, in logarithms.
 */
export class KLDivLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "KLDivLoss", rules } satisfies LossDeclaration;

  constructor(options: KLDivLossOptions = {}) {
    super(KLDivLoss.declaration, options);
  }

  /** @throws TensorError `shape`, `dtype` */
  forward(input: Tensor, target: Tensor): Tensor {
    checkPair("KLDivLoss", input, target);
    const { logTarget, reduction } = this.options;
    const nothing = target.eq(logTarget ? Number.NEGATIVE_INFINITY : 0);
    // A probability of 0 is replaced before the logarithm, because 0·∞ would reach the gradient.
    const safe = where(nothing, logTarget ? 0 : 1, target);
    const divergence = logTarget ? safe.exp().mul(safe.sub(input)) : safe.mul(safe.log().sub(input));
    const losses = where(nothing, 0, divergence);
    if (reduction !== "batchmean") return reduced(losses, reduction);
    return losses.sum().div(losses.shape[0] ?? 1);
  }
}
