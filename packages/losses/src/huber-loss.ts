// Huber's loss: squared near zero, absolute beyond.

import type { Tensor } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import type { OptionTable } from "@torchium/tensor/options";
import { Criterion, type LossDeclaration } from "./criterion.js";

/** Options of `HuberLoss`: those of `functional.huberLoss`. */
export type HuberLossOptions = functional.HuberOptions;

const rules = functional.lossRules.huberLoss satisfies OptionTable<HuberLossOptions>;

/** With `d = |x − y|`: `½d²` up to `delta`, `delta·(d − ½delta)` beyond. */
export class HuberLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "HuberLoss", rules } satisfies LossDeclaration;

  constructor(options: HuberLossOptions = {}) {
    super(HuberLoss.declaration, options);
  }

  /** Input and target of one shape. @throws TensorError `shape`, `dtype`, `argument` */
  forward(input: Tensor, target: Tensor): Tensor {
    return functional.huberLoss(input, target, this.options);
  }
}
