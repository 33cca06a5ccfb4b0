// Skip-gram with negative sampling, on embeddings that were looked up before.

import { arange, shapeError, softplus, type Tensor, where } from "@torchium/tensor";
import { count, type OptionTable, optional } from "@torchium/tensor/options";
import { checkFloats, checkShape } from "./checks.js";
import { Criterion, type LossDeclaration } from "./criterion.js";
import { type Reduction, reduced, reduction } from "./reduction.js";

/** Options of `Word2VecLoss`. Sizes that are given are checked against what arrives. */
export type Word2VecLossOptions = {
  /** Words of the vocabulary. The loss sees embeddings and not ids: this documents the model. */
  readonly vocabSize?: number;
  readonly embeddingDim?: number;
  /** Negatives a pair. */
  readonly negativeSamples?: number;
  /** "mean" over the pairs unless given; the paper's updates are those of "sum". */
  readonly reduction?: Reduction;
};

const rules = {
  vocabSize: optional(count()),
  embeddingDim: optional(count()),
  negativeSamples: optional(count()),
  reduction,
} satisfies OptionTable<Word2VecLossOptions>;

/**
 * `−ln σ(t·c) − Σ_k ln σ(−t·n_k)` a pair of target t and context c with negatives n
 * (Mikolov et al., arXiv 1310.4546, equation 4).
 */
export class Word2VecLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "Word2VecLoss", rules } satisfies LossDeclaration;

  constructor(options: Word2VecLossOptions = {}) {
    super(Word2VecLoss.declaration, options);
  }

  /** Embeddings [B, D], [B, D] and [B, K, D]. @throws TensorError `shape`, `dtype` */
  forward(target: Tensor, context: Tensor, negatives: Tensor): Tensor {
    checkFloats("Word2VecLoss", { target, context, negatives });
    const { embeddingDim = -1, negativeSamples = -1 } = this.options;
    checkShape("Word2VecLoss", "target", target, [-1, embeddingDim]);
    const [pairs, width] = target.shape as [number, number];
    checkShape("Word2VecLoss", "context", context, [pairs, width]);
    checkShape("Word2VecLoss", "negatives", negatives, [pairs, negativeSamples, width]);
    // softplus(−x) = −ln σ(x)
    const good = softplus(target.mul(context).sum(-1).neg()); // [B]
    const bad = softplus(negatives.mul(target.unsqueeze(1)).sum(-1)).sum(-1); // [B]
    return reduced(good.add(bad), this.options.reduction);
  }

  /**
   * The same of scores [B, 1 + K] that were computed before: `t·c` in the first column, `t·n_k` in the others.
   * @throws TensorError `shape`, `dtype`
   */
  ofScores(scores: Tensor): Tensor {
    checkFloats("Word2VecLoss", { scores });
    const { negativeSamples } = this.options;
    checkShape("Word2VecLoss", "scores", scores, [-1, negativeSamples === undefined ? -1 : 1 + negativeSamples]);
    const words = scores.shape[1]!;
    if (words < 2) throw shapeError("Word2VecLoss", "scores need a context and at least one negative", [scores.shape]);
    const byWord = scores.transpose(0, 1);
    const isContext = arange(0, words, 1, { device: scores.device }).eq(0).unsqueeze(1);
    return reduced(softplus(where(isContext, byWord.neg(), byWord)).sum(0), this.options.reduction);
  }
}
