// How the losses of single elements become one number.

import type { Tensor } from "@torchium/tensor";
import { oneOf } from "@torchium/tensor/options";

/** `mean` over what counts, `sum`, or `none`: every element's loss. */
export type Reduction = "mean" | "sum" | "none";

/** The rule of the option `reduction`, `mean` unless given. */
export const reduction = oneOf(["mean", "sum", "none"], "mean");

/** The elements' losses, reduced. */
export function reduced(losses: Tensor, how: Reduction): Tensor {
  return how === "mean" ? losses.mean() : how === "sum" ? losses.sum() : losses;
}
