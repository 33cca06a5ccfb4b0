// Pulls the directions of similar pairs together and pushes those of dissimilar pairs apart.

import type { Tensor } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import type { OptionTable } from "@torchium/tensor/options";
import { Criterion, type LossDeclaration } from "./criterion.js";

/** Options of `CosineEmbeddingLoss`: those of `functional.cosineEmbeddingLoss`. */
export type CosineEmbeddingLossOptions = functional.MarginOptions;

const rules = functional.lossRules.cosineEmbeddingLoss satisfies OptionTable<CosineEmbeddingLossOptions>;

/** `1 − cos(a, b)` for a pair with target 1, `max(0, cos(a, b) − margin)` for −1. */
export class CosineEmbeddingLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "CosineEmbeddingLoss", rules } satisfies LossDeclaration;

  constructor(options: CosineEmbeddingLossOptions = {}) {
    super(CosineEmbeddingLoss.declaration, options);
  }

  /** Vectors [N, D] with targets [N], or [D] with one target. @throws TensorError `shape`, `dtype`, `argument` */
  forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return functional.cosineEmbeddingLoss(input1, input2, target, this.options);
  }
}
