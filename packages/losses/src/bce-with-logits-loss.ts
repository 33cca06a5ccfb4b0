// Binary cross entropy of logits.

import type { Tensor } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import type { OptionTable } from "@torchium/tensor/options";
import { Criterion, type LossDeclaration } from "./criterion.js";

/** Options of `BCEWithLogitsLoss`: those of `functional.binaryCrossEntropyWithLogits`. */
export type BCEWithLogitsLossOptions = functional.BinaryCrossEntropyWithLogitsOptions;

const rules = functional.lossRules.binaryCrossEntropyWithLogits satisfies OptionTable<BCEWithLogitsLossOptions>;

/** `−w (p·y ln σ(x) + (1 − y) ln(1 − σ(x)))` for logits x of any size and targets y from 0 to 1. */
export class BCEWithLogitsLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "BCEWithLogitsLoss", rules } satisfies LossDeclaration;
  readonly weight: Tensor | undefined;
  readonly posWeight: Tensor | undefined;

  constructor(options: BCEWithLogitsLossOptions = {}) {
    super(BCEWithLogitsLoss.declaration, options);
    this.weight = this.holdBuffer("weight", this.options.weight);
    this.posWeight = this.holdBuffer("posWeight", this.options.posWeight);
  }

  /** Input and target of one shape. @throws TensorError `shape`, `dtype`, `argument` */
  forward(input: Tensor, target: Tensor): Tensor {
    return functional.binaryCrossEntropyWithLogits(input, target, {
      ...this.options,
      weight: this.weight,
      posWeight: this.posWeight,
    });
  }
}
