// Binary cross entropy on logits.

import { softplus, Tensor } from "@torchium/tensor";
import { instance, type OptionTable, optional } from "@torchium/tensor/options";
import { checkPair } from "./checks.js";
import { Criterion, type LossDeclaration } from "./criterion.js";
import { type Reduction, reduced, reduction } from "./reduction.js";

/** Options of `BCEWithLogitsLoss`. */
export type BCEWithLogitsLossOptions = {
  /** Multiplies the element losses; any shape that broadcasts to theirs. */
  readonly weight?: Tensor;
  /** Multiplies the loss of positive targets, one weight a class; any shape that broadcasts. */
  readonly posWeight?: Tensor;
  /** "mean" unless given. */
  readonly reduction?: Reduction;
};

const rules = {
  weight: optional(instance("a tensor", Tensor)),
  posWeight: optional(instance("a tensor", Tensor)),
  reduction,
} satisfies OptionTable<BCEWithLogitsLossOptions>;

/**
 * `−w (p·y ln σ(x) + (1 − y) ln(1 − σ(x)))` for logits x and targets y from 0 to 1, written with
 * `softplus(x) = −ln(1 − σ(x))`, which is exact for logits of any size.
 */
export class BCEWithLogitsLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "BCEWithLogitsLoss", rules } satisfies LossDeclaration;
  readonly weight: Tensor | undefined;
  readonly posWeight: Tensor | undefined;

  constructor(options: BCEWithLogitsLossOptions = {}) {
    super(BCEWithLogitsLoss.declaration, options);
    this.weight = this.holdBuffer("weight", this.options.weight);
    this.posWeight = this.holdBuffer("posWeight", this.options.posWeight);
  }

  /** Logits and targets of one shape. @throws TensorError `shape`, `dtype` */
  forward(input: Tensor, target: Tensor): Tensor {
    checkPair("BCEWithLogitsLoss", input, target);
    const { weight, posWeight } = this;
    const positive = target.mul(softplus(input.neg()));
    const negative = target.mul(-1).add(1).mul(softplus(input));
    const losses = negative.add(posWeight ? positive.mul(posWeight) : positive);
    return reduced(weight ? losses.mul(weight) : losses, this.options.reduction);
  }
}
