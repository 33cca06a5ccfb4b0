// Cross entropy of logits and class ids.

import { Tensor } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import { instance, integer, number, type OptionTable, optional } from "@torchium/tensor/options";
import { checkTensors } from "./checks.js";
import { Criterion, type LossDeclaration } from "./criterion.js";
import { type Reduction, reduction } from "./reduction.js";

/** Options of `CrossEntropyLoss`. */
export type CrossEntropyLossOptions = {
  /** A weight a class, [C]. */
  readonly weight?: Tensor;
  /** The target that counts for nothing; −100 unless given. */
  readonly ignoreIndex?: number;
  /** The share ε of each target that is spread over all classes; 0 unless given. */
  readonly labelSmoothing?: number;
  /** "mean", over the targets that count and by their weights, unless given. */
  readonly reduction?: Reduction;
};

const rules = {
  weight: optional(instance("a tensor", Tensor)),
  ignoreIndex: integer({}, -100),
  labelSmoothing: number({ atLeast: 0, atMost: 1 }, 0),
  reduction,
} satisfies OptionTable<CrossEntropyLossOptions>;

/**
 * `−Σ_c q_c w_c ln softmax(x)_c` with `q = (1 − ε)·onehot(target) + ε/C` (the smoothing is Szegedy et al., arXiv
 * 1512.00567). The mean divides by the weights of the targets that count, and is 0 when none does.
 */
export class CrossEntropyLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "CrossEntropyLoss", rules } satisfies LossDeclaration;
  readonly weight: Tensor | undefined;

  constructor(options: CrossEntropyLossOptions = {}) {
    super(CrossEntropyLoss.declaration, options);
    this.weight = this.holdBuffer("weight", this.options.weight);
  }

  /**
   * Logits [N, C], [N, C, d…] or [C]; targets the same without the axis of classes, integers.
   * @throws TensorError `shape`, `dtype`, `index`
   */
  forward(input: Tensor, target: Tensor): Tensor {
    checkTensors("CrossEntropyLoss", { input, target });
    return functional.crossEntropy(input, target, { ...this.options, weight: this.weight });
  }
}
