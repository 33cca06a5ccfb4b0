// Cross entropy against targets that are softened.

import type { Tensor } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import { count, integer, number, type OptionTable, optional } from "@torchium/tensor/options";
import { checkClasses } from "./checks.js";
import { Criterion, type LossDeclaration } from "./criterion.js";
import { type Reduction, reduction } from "./reduction.js";

/** Options of `LabelSmoothingLoss`. */
export type LabelSmoothingLossOptions = {
  /** The number of classes, checked against the logits when given. */
  readonly numClasses?: number;
  /** The share ε of each target that is spread over all classes; 0.1 unless given. */
  readonly smoothing?: number;
  /** The target that counts for nothing; −100 unless given. */
  readonly ignoreIndex?: number;
  /** "mean", over the targets that count, unless given. */
  readonly reduction?: Reduction;
};

const rules = {
  numClasses: optional(count()),
  smoothing: number({ atLeast: 0, atMost: 1 }, 0.1),
  ignoreIndex: integer({}, -100),
  reduction,
} satisfies OptionTable<LabelSmoothingLossOptions>;

/**
 * `−Σ_c q_c ln softmax(x)_c` with `q = (1 − ε)·onehot(target) + ε/C` (Szegedy et al., arXiv 1512.00567). Equal to
 * `CrossEntropyLoss` with `labelSmoothing`.
 */
export class LabelSmoothingLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "LabelSmoothingLoss", rules } satisfies LossDeclaration;

  constructor(options: LabelSmoothingLossOptions = {}) {
    super(LabelSmoothingLoss.declaration, options);
  }

  /**
   * Logits [N, C], [N, C, d…] or [C]; targets the same without the axis of classes, integers.
   * @throws TensorError `shape`, `dtype`, `index`
   */
  forward(input: Tensor, target: Tensor): Tensor {
    const { numClasses, smoothing, ignoreIndex, reduction } = this.options;
    checkClasses("LabelSmoothingLoss", input, target, numClasses);
    return functional.crossEntropy(input, target, { labelSmoothing: smoothing, ignoreIndex, reduction });
  }
}
