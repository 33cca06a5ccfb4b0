// Mean absolute error.

import type { Tensor } from "@torchium/tensor";
import type { OptionTable } from "@torchium/tensor/options";
import { checkPair } from "./checks.js";
import { Criterion, type LossDeclaration } from "./criterion.js";
import { type Reduction, reduced, reduction } from "./reduction.js";

/** Options of `L1Loss`. */
export type L1LossOptions = {
  /** "mean" unless given. */
  readonly reduction?: Reduction;
};

const rules = { reduction } satisfies OptionTable<L1LossOptions>;

/** Absolute error `|x − y|` of two arrays of one shape; the gradient is 0 where they are equal. */
export class L1Loss extends Criterion<typeof rules> {
  static readonly declaration = { name: "L1Loss", rules } satisfies LossDeclaration;

  constructor(options: L1LossOptions = {}) {
    super(L1Loss.declaration, options);
  }

  /** @throws TensorError `shape`, `dtype` */
  forward(input: Tensor, target: Tensor): Tensor {
    checkPair("L1Loss", input, target);
    return reduced(input.sub(target).abs(), this.options.reduction);
  }
}
