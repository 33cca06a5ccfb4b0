// Keeps similar pairs near and dissimilar ones a margin apart.

import type { Tensor } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import type { OptionTable } from "@torchium/tensor/options";
import { Criterion, type LossDeclaration } from "./criterion.js";

/** Options of `HingeEmbeddingLoss`: those of `functional.hingeEmbeddingLoss`. */
export type HingeEmbeddingLossOptions = functional.MarginOptions;

const rules = functional.lossRules.hingeEmbeddingLoss satisfies OptionTable<HingeEmbeddingLossOptions>;

/** x where the target is 1, `max(0, margin − x)` where it is −1, for distances x. */
export class HingeEmbeddingLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "HingeEmbeddingLoss", rules } satisfies LossDeclaration;

  constructor(options: HingeEmbeddingLossOptions = {}) {
    super(HingeEmbeddingLoss.declaration, options);
  }

  /** Input and target of one shape. @throws TensorError `shape`, `dtype`, `argument` */
  forward(input: Tensor, target: Tensor): Tensor {
    return functional.hingeEmbeddingLoss(input, target, this.options);
  }
}
