// Negative log-likelihood of log-probabilities and class ids.

import { Tensor } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import { instance, integer, type OptionTable, optional } from "@torchium/tensor/options";
import { checkTensors } from "./checks.js";
import { Criterion, type LossDeclaration } from "./criterion.js";
import { type Reduction, reduction } from "./reduction.js";

/** Options of `NLLLoss`. */
export type NLLLossOptions = {
  /** A weight a class, [C]. */
  readonly weight?: Tensor;
  /** The target that counts for nothing; −100 unless given. */
  readonly ignoreIndex?: number;
  /** "mean", over the targets that count and by their weights, unless given. */
  readonly reduction?: Reduction;
};

const rules = {
  weight: optional(instance("a tensor", Tensor)),
  ignoreIndex: integer({}, -100),
  reduction,
} satisfies OptionTable<NLLLossOptions>;

/** `−w_t x_t` for log-probabilities x and the target t; after a log-softmax it is `CrossEntropyLoss`. */
export class NLLLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "NLLLoss", rules } satisfies LossDeclaration;
  readonly weight: Tensor | undefined;

  constructor(options: NLLLossOptions = {}) {
    super(NLLLoss.declaration, options);
    this.weight = this.holdBuffer("weight", this.options.weight);
  }

  /**
   * Log-probabilities [N, C], [N, C, d…] or [C]; targets the same without the axis of classes, integers.
   * @throws TensorError `shape`, `dtype`, `index`
   */
  forward(input: Tensor, target: Tensor): Tensor {
    checkTensors("NLLLoss", { input, target });
    return functional.nllLoss(input, target, { ...this.options, weight: this.weight });
  }
}
