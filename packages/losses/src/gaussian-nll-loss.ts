// Negative log-likelihood of numbers with a mean and a variance each.

import type { Tensor } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import type { OptionTable } from "@torchium/tensor/options";
import { Criterion, type LossDeclaration } from "./criterion.js";

/** Options of `GaussianNLLLoss`: those of `functional.gaussianNllLoss`. */
export type GaussianNLLLossOptions = functional.GaussianNllOptions;

const rules = functional.lossRules.gaussianNllLoss satisfies OptionTable<GaussianNLLLossOptions>;

/** `½ (ln v + (x − y)²/v)` for means x, targets y and variances v. */
export class GaussianNLLLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "GaussianNLLLoss", rules } satisfies LossDeclaration;

  constructor(options: GaussianNLLLossOptions = {}) {
    super(GaussianNLLLoss.declaration, options);
  }

  /** Means and targets of one shape; variances of that shape, or with 1 for its last axis. @throws TensorError `shape`, `dtype`, `argument` */
  forward(input: Tensor, target: Tensor, variance: Tensor): Tensor {
    return functional.gaussianNllLoss(input, target, variance, this.options);
  }
}
