// Ranks the first of two scores above the second, or below.

import type { Tensor } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import type { OptionTable } from "@torchium/tensor/options";
import { Criterion, type LossDeclaration } from "./criterion.js";

/** Options of `MarginRankingLoss`: those of `functional.marginRankingLoss`. */
export type MarginRankingLossOptions = functional.MarginOptions;

const rules = functional.lossRules.marginRankingLoss satisfies OptionTable<MarginRankingLossOptions>;

/** `max(0, −y (x₁ − x₂) + margin)` for scores x₁ and x₂ and a target y of 1 or −1. */
export class MarginRankingLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "MarginRankingLoss", rules } satisfies LossDeclaration;

  constructor(options: MarginRankingLossOptions = {}) {
    super(MarginRankingLoss.declaration, options);
  }

  /** Three arrays of one shape. @throws TensorError `shape`, `dtype`, `argument` */
  forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return functional.marginRankingLoss(input1, input2, target, this.options);
  }
}
