// Mean squared error.

import type { Tensor } from "@torchium/tensor";
import type { OptionTable } from "@torchium/tensor/options";
import { checkPair } from "./checks.js";
import { Criterion, type LossDeclaration } from "./criterion.js";
import { type Reduction, reduced, reduction } from "./reduction.js";

/** Options of `MSELoss`. */
export type MSELossOptions = {
  /** "mean" unless given. */
  readonly reduction?: Reduction;
};

const rules = { reduction } satisfies OptionTable<MSELossOptions>;

/** Squared error `(x − y)²` of two arrays of one shape. */
export class MSELoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "MSELoss", rules } satisfies LossDeclaration;

  constructor(options: MSELossOptions = {}) {
    super(MSELoss.declaration, options);
  }

  /** @throws TensorError `shape`, `dtype` */
  forward(input: Tensor, target: Tensor): Tensor {
    checkPair("MSELoss", input, target);
    return reduced(input.sub(target).square(), this.options.reduction);
  }
}
