// The absolute error with its corner rounded off.

import { type Tensor, where } from "@torchium/tensor";
import { number, type OptionTable } from "@torchium/tensor/options";
import { checkPair } from "./checks.js";
import { Criterion, type LossDeclaration } from "./criterion.js";
import { type Reduction, reduced, reduction } from "./reduction.js";

/** Options of `SmoothL1Loss`. */
export type SmoothL1LossOptions = {
  /** Half the width of the rounded corner; 1 unless given, 0 gives `L1Loss`. */
  readonly beta?: number;
  /** "mean" unless given. */
  readonly reduction?: Reduction;
};

const rules = { beta: number({ atLeast: 0 }, 1), reduction } satisfies OptionTable<SmoothL1LossOptions>;

/** With `d = |x − y|`: `½d²/beta` below `beta`, `d − ½beta` beyond (Girshick, Fast R-CNN, arXiv 1504.08083). */
export class SmoothL1Loss extends Criterion<typeof rules> {
  static readonly declaration = { name: "SmoothL1Loss", rules } satisfies LossDeclaration;

  constructor(options: SmoothL1LossOptions = {}) {
    super(SmoothL1Loss.declaration, options);
  }

  /** @throws TensorError `shape`, `dtype` */
  forward(input: Tensor, target: Tensor): Tensor {
    checkPair("SmoothL1Loss", input, target);
    const { beta } = this.options;
    const distance = input.sub(target).abs();
    const line = distance.sub(0.5 * beta);
    if (beta === 0) return reduced(line, this.options.reduction);
    const square = distance.square().mul(0.5 / beta);
    return reduced(where(distance.lt(beta), square, line), this.options.reduction);
  }
}
