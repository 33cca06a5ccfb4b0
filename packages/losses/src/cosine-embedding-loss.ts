// Pulls the directions of similar pairs together and pushes those of dissimilar pairs apart.

import { type Tensor, where } from "@torchium/tensor";
import { number, type OptionTable } from "@torchium/tensor/options";
import { checkFloats, checkSameShape, checkShape, checkTensors, checkValues } from "./checks.js";
import { Criterion, type LossDeclaration } from "./criterion.js";
import { type Reduction, reduced, reduction } from "./reduction.js";

/** Options of `CosineEmbeddingLoss`. */
export type CosineEmbeddingLossOptions = {
  /** The cosine up to which a dissimilar pair costs nothing, from −1 to 1; 0 unless given. */
  readonly margin?: number;
  /** "mean" over the pairs unless given. */
  readonly reduction?: Reduction;
};

const rules = {
  margin: number({ atLeast: -1, atMost: 1 }, 0),
  reduction,
} satisfies OptionTable<CosineEmbeddingLossOptions>;

// PyTorch's: a zero vector has the cosine 0 with every other.
const epsilon = 1e-12;

/**
 * `1 − cos(a, b)` for a pair with target 1, `max(0, cos(a, b) − margin)` for −1;
 * `cos(a, b) = a·b / √((|a|² + 1e-12)(|b|² + 1e-12))`.
 */
export class CosineEmbeddingLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "CosineEmbeddingLoss", rules } satisfies LossDeclaration;

  constructor(options: CosineEmbeddingLossOptions = {}) {
    super(CosineEmbeddingLoss.declaration, options);
  }

  /** Vectors [N, D] with targets [N], or [D] with one target. @throws TensorError `shape`, `dtype`, `argument` */
  forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    checkFloats("CosineEmbeddingLoss", { input1, input2 });
    checkSameShape("CosineEmbeddingLoss", { input1, input2 });
    checkTensors("CosineEmbeddingLoss", { target });
    checkShape("CosineEmbeddingLoss", "input1", input1, input1.ndim === 1 ? [-1] : [-1, -1]);
    checkShape("CosineEmbeddingLoss", "target", target, input1.shape.slice(0, -1));
    checkValues("CosineEmbeddingLoss", "target", target, "1 or -1", (x) => x === 1 || x === -1);
    const inverseLength = (x: Tensor) => x.square().sum(-1).add(epsilon).rsqrt();
    const cosine = input1.mul(input2).sum(-1).mul(inverseLength(input1)).mul(inverseLength(input2));
    const losses = where(target.gt(0), cosine.mul(-1).add(1), cosine.sub(this.options.margin).clamp(0));
    return reduced(losses, this.options.reduction);
  }
}
