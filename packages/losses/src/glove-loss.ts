// The weighted least squares of GloVe, on embeddings that were looked up before.

import type { Tensor } from "@torchium/tensor";
import { checkValues } from "@torchium/tensor/nn";
import { count, number, type OptionTable, optional } from "@torchium/tensor/options";
import { checkFloats, checkShape, checkTensors } from "./checks.js";
import { Criterion, type LossDeclaration } from "./criterion.js";
import { type Reduction, reduced, reduction } from "./reduction.js";

/** Options of `GloVeLoss`. Sizes that are given are checked against what arrives. */
export type GloVeLossOptions = {
  /** Words of the vocabulary. The loss sees embeddings and not ids: this documents the model. */
  readonly vocabSize?: number;
  readonly embeddingDim?: number;
  /** The count from which a pair has the full weight; 100 unless given. */
  readonly xMax?: number;
  /** How fast the weight falls below it; 0.75 unless given. */
  readonly alpha?: number;
  /** "mean" over the pairs unless given; the paper's is "sum". */
  readonly reduction?: Reduction;
};

const rules = {
  vocabSize: optional(count()),
  embeddingDim: optional(count()),
  xMax: number({ above: 0 }, 100),
  alpha: number({ above: 0 }, 0.75),
  reduction,
} satisfies OptionTable<GloVeLossOptions>;

/**
 * `min(1, (X/xMax)^alpha) (w·w̃ + b + b̃ − ln X)²` a pair that was counted X times
 * (Pennington et al. 2014, equations 8 and 9).
 */
export class GloVeLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "GloVeLoss", rules } satisfies LossDeclaration;

  constructor(options: GloVeLossOptions = {}) {
    super(GloVeLoss.declaration, options);
  }

  /**
   * Embeddings [B, D], biases [B] or [B, 1], counts [B]. Counts must be above 0: that is checked where the host still
   * holds them, and gives NaN where only the device does. @throws TensorError `shape`, `dtype`, `argument`
   */
  forward(targetEmb: Tensor, contextEmb: Tensor, targetBias: Tensor, contextBias: Tensor, counts: Tensor): Tensor {
    checkFloats("GloVeLoss", { targetEmb, contextEmb, targetBias, contextBias });
    checkTensors("GloVeLoss", { counts });
    checkShape("GloVeLoss", "targetEmb", targetEmb, [-1, this.options.embeddingDim ?? -1]);
    const [pairs, width] = targetEmb.shape as [number, number];
    checkShape("GloVeLoss", "contextEmb", contextEmb, [pairs, width]);
    checkShape("GloVeLoss", "targetBias", targetBias, targetBias.ndim === 2 ? [pairs, 1] : [pairs]);
    checkShape("GloVeLoss", "contextBias", contextBias, contextBias.ndim === 2 ? [pairs, 1] : [pairs]);
    checkShape("GloVeLoss", "counts", counts, [pairs]);
    checkValues("GloVeLoss", "counts", counts, "above 0", (x) => x > 0 && x < Number.POSITIVE_INFINITY);
    const { xMax, alpha } = this.options;
    const seen = counts.to(targetEmb.dtype);
    const weight = seen.div(xMax).clamp(undefined, 1).pow(alpha);
    const biases = targetBias.reshape(pairs).add(contextBias.reshape(pairs));
    const error = targetEmb.mul(contextEmb).sum(-1).add(biases).sub(seen.log());
    return reduced(weight.mul(error.square()), this.options.reduction);
  }
}
