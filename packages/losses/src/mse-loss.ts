// Mean squared error.

import type { Tensor } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import type { OptionTable } from "@torchium/tensor/options";
import { Criterion, type LossDeclaration } from "./criterion.js";

/** Options of `MSELoss`: those of `functional.mseLoss`. */
export type MSELossOptions = functional.ReductionOption;

const rules = functional.lossRules.mseLoss satisfies OptionTable<MSELossOptions>;

/** Squared error `(x − y)²`. */
export class MSELoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "MSELoss", rules } satisfies LossDeclaration;

  constructor(options: MSELossOptions = {}) {
    super(MSELoss.declaration, options);
  }

  /** Input and target of one shape. @throws TensorError `shape`, `dtype`, `argument` */
  forward(input: Tensor, target: Tensor): Tensor {
    return functional.mseLoss(input, target, this.options);
  }
}
