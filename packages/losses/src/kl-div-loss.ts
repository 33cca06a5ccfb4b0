// Kullback-Leibler divergence between distributions.

import type { Tensor } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import type { OptionTable } from "@torchium/tensor/options";
import { Criterion, type LossDeclaration } from "./criterion.js";

/** Options of `KLDivLoss`: those of `functional.klDiv`. */
export type KLDivLossOptions = functional.KlDivOptions;

const rules = functional.lossRules.klDiv satisfies OptionTable<KLDivLossOptions>;

/** `t (ln t − x)` for log-probabilities x and probabilities t, 0 where t = 0. */
export class KLDivLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "KLDivLoss", rules } satisfies LossDeclaration;

  constructor(options: KLDivLossOptions = {}) {
    super(KLDivLoss.declaration, options);
  }

  /** Log-probabilities of the model, and the distribution they are held against. @throws TensorError `shape`, `dtype`, `argument` */
  forward(input: Tensor, target: Tensor): Tensor {
    return functional.klDiv(input, target, this.options);
  }
}
