// The absolute error with its corner rounded off.

import type { Tensor } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import type { OptionTable } from "@torchium/tensor/options";
import { Criterion, type LossDeclaration } from "./criterion.js";

/** Options of `SmoothL1Loss`: those of `functional.smoothL1Loss`. */
export type SmoothL1LossOptions = functional.SmoothL1Options;

const rules = functional.lossRules.smoothL1Loss satisfies OptionTable<SmoothL1LossOptions>;

/** With `d = |x − y|`: `½d²/beta` below `beta`, `d − ½beta` beyond. */
export class SmoothL1Loss extends Criterion<typeof rules> {
  static readonly declaration = { name: "SmoothL1Loss", rules } satisfies LossDeclaration;

  constructor(options: SmoothL1LossOptions = {}) {
    super(SmoothL1Loss.declaration, options);
  }

  /** Input and target of one shape. @throws TensorError `shape`, `dtype`, `argument` */
  forward(input: Tensor, target: Tensor): Tensor {
    return functional.smoothL1Loss(input, target, this.options);
  }
}
