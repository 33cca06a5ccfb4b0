// Brings an anchor nearer to a positive example than to a negative one.

import type { Tensor } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import type { OptionTable } from "@torchium/tensor/options";
import { Criterion, type LossDeclaration } from "./criterion.js";

/** Options of `TripletMarginLoss`: those of `functional.tripletMarginLoss`. */
export type TripletMarginLossOptions = functional.TripletMarginOptions;

const rules = functional.lossRules.tripletMarginLoss satisfies OptionTable<TripletMarginLossOptions>;

/** `max(0, d(a, p) − d(a, n) + margin)` with `d(x, y) = ‖x − y + eps‖_p`. */
export class TripletMarginLoss extends Criterion<typeof rules> {
  static readonly declaration = { name: "TripletMarginLoss", rules } satisfies LossDeclaration;

  constructor(options: TripletMarginLossOptions = {}) {
    super(TripletMarginLoss.declaration, options);
  }

  /** Three arrays of one shape, [N, D] or [D]. @throws TensorError `shape`, `dtype`, `argument` */
  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return functional.tripletMarginLoss(anchor, positive, negative, this.options);
  }
}
