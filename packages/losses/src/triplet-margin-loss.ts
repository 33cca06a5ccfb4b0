// Brings an anchor nearer to a positive example than to a negative one.

import { minimum, type Tensor } from "@torchium/tensor";
import { flag, number, type OptionTable } from "@torchium/tensor/options";
import { checkFloats, checkSameShape } from "./checks.js";
import { Criterion, type LossDeclaration } from "./criterion.js";
import { type Reduction, reduced, reduction } from "./reduction.js";

/** Options of `TripletMarginLoss`. */
export type TripletMarginLossOptions = {
  /** How much nearer the positive must be to cost nothing; 1 unless given. */
  readonly margin?: number;
  /** The norm of the distance; 2 unless given. */
  readonly p?: number;
  /** Added to every difference; 1e-6 unless given. */
  readonly eps?: number;
  /** Takes the positive's distance to the negative when it is the smaller one; false unless given. */
  readonly swap?: boolean;
  /** "mean" over the triplets unless given. */
  readonly reduction?: Reduction;
};

const rules = {
  margin: number({ above: 0 }, 1),
  p: number({ above: 0 }, 2),
  eps: number({ atLeast: 0 }, 1e-6),
  swap: flag(false),
  reduction,
} satisfies OptionTable<TripletMarginLossOptions>;

/**
 * `max(0, d(a, p) − d(a, n) + margin)` with `d(x, y) = ‖x − y + eps‖_p` (Schroff et al., FaceNet, arXiv 1503.03832;
 * the swap is Balntas et al. 2016).
 */
export class TripletMarginLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "TripletMarginLoss", rules } satisfies LossDeclaration;

  constructor(options: TripletMarginLossOptions = {}) {
    super(TripletMarginLoss.declaration, options);
  }

  /** Three arrays of one shape, [N, D] or [D]. @throws TensorError `shape`, `dtype` */
  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    checkFloats("TripletMarginLoss", { anchor, positive, negative });
    checkSameShape("TripletMarginLoss", { anchor, positive, negative });
    const { margin, p, eps, swap } = this.options;
    const distance = (x: Tensor, y: Tensor) => x.sub(y).add(eps).norm(p, -1);
    const far = distance(anchor, negative);
    const farthest = swap ? minimum(far, distance(positive, negative)) : far;
    return reduced(distance(anchor, positive).sub(farthest).add(margin).clamp(0), this.options.reduction);
  }
}
