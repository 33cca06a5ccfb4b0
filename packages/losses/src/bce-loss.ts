// Binary cross entropy of probabilities.

import type { Tensor } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import type { OptionTable } from "@torchium/tensor/options";
import { Criterion, type LossDeclaration } from "./criterion.js";

/** Options of `BCELoss`: those of `functional.binaryCrossEntropy`. */
export type BCELossOptions = functional.BinaryCrossEntropyOptions;

const rules = functional.lossRules.binaryCrossEntropy satisfies OptionTable<BCELossOptions>;

/** `−w (y ln x + (1 − y) ln(1 − x))` for probabilities x and targets y from 0 to 1. */
export class BCELoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "BCELoss", rules } satisfies LossDeclaration;
  readonly weight: Tensor | undefined;

  constructor(options: BCELossOptions = {}) {
    super(BCELoss.declaration, options);
    this.weight = this.holdBuffer("weight", this.options.weight);
  }

  /** Input and target of one shape. @throws TensorError `shape`, `dtype`, `argument` */
  forward(input: Tensor, target: Tensor): Tensor {
    return functional.binaryCrossEntropy(input, target, { ...this.options, weight: this.weight });
  }
}
