// Mean absolute error.

import type { Tensor } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import type { OptionTable } from "@torchium/tensor/options";
import { Criterion, type LossDeclaration } from "./criterion.js";

/** Options of `L1Loss`: those of `functional.l1Loss`. */
export type L1LossOptions = functional.ReductionOption;

const rules = functional.lossRules.l1Loss satisfies OptionTable<L1LossOptions>;

/** Absolute error `|x − y|`. */
export class L1Loss extends Criterion<typeof rules> {
  static readonly declaration = { name: "L1Loss", rules } satisfies LossDeclaration;

  constructor(options: L1LossOptions = {}) {
    super(L1Loss.declaration, options);
  }

  /** Input and target of one shape. @throws TensorError `shape`, `dtype`, `argument` */
  forward(input: Tensor, target: Tensor): Tensor {
    return functional.l1Loss(input, target, this.options);
  }
}
