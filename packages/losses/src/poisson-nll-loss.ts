// Negative log-likelihood of counts.

import type { Tensor } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import type { OptionTable } from "@torchium/tensor/options";
import { Criterion, type LossDeclaration } from "./criterion.js";

/** Options of `PoissonNLLLoss`: those of `functional.poissonNllLoss`. */
export type PoissonNLLLossOptions = functional.PoissonNllOptions;

const rules = functional.lossRules.poissonNllLoss satisfies OptionTable<PoissonNLLLossOptions>;

/** `e^x − y·x` for counts y and the logarithm x of their rate, or `x − y·ln(x + eps)` for the rate itself. */
export class PoissonNLLLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "PoissonNLLLoss", rules } satisfies LossDeclaration;

  constructor(options: PoissonNLLLossOptions = {}) {
    super(PoissonNLLLoss.declaration, options);
  }

  /** Input and target of one shape. @throws TensorError `shape`, `dtype`, `argument` */
  forward(input: Tensor, target: Tensor): Tensor {
    return functional.poissonNllLoss(input, target, this.options);
  }
}
