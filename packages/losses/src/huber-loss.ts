// Huber's loss: squared near zero, absolute beyond.

import { type Tensor, where } from "@torchium/tensor";
import { number, type OptionTable } from "@torchium/tensor/options";
import { checkPair } from "./checks.js";
import { Criterion, type LossDeclaration } from "./criterion.js";
import { type Reduction, reduced, reduction } from "./reduction.js";

/** Options of `HuberLoss`. */
export type HuberLossOptions = {
  /** Where the square ends and the line begins; 1 unless given. */
  readonly delta?: number;
  /** "mean" unless given. */
  readonly reduction?: Reduction;
};

const rules = { delta: number({ above: 0 }, 1), reduction } satisfies OptionTable<HuberLossOptions>;

/**
 * With `d = |x − y|`: `½d²` up to `delta`, `delta·(d − ½delta)` beyond (Huber 1964, "Robust estimation of a location
 * parameter").
 */
export class HuberLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "HuberLoss", rules } satisfies LossDeclaration;

  constructor(options: HuberLossOptions = {}) {
    super(HuberLoss.declaration, options);
  }

  /** @throws TensorError `shape`, `dtype` */
  forward(input: Tensor, target: Tensor): Tensor {
    checkPair("HuberLoss", input, target);
    const { delta } = this.options;
    const distance = input.sub(target).abs();
    const square = distance.square().mul(0.5);
    const line = distance.sub(0.5 * delta).mul(delta);
    return reduced(where(distance.le(delta), square, line), this.options.reduction);
  }
}
