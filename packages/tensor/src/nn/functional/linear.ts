// The affine map, as one product and one addition, so that a backend can do both, and what follows, in one launch. In 16
// bits the bias takes the product's dtype, so that a layer inside autocast stays there.

import { isHalf } from "../../dtype.js";
import { matmul } from "../../functions.js";
import { asFactor } from "../../ops/index.js";
import type { Tensor } from "../../tensor.js";
import { any, checkFloat, checkShape } from "../checks.js";

/**
 * `x Wᵀ + b`: x [..., in], weight [out, in], bias [out]; gives [..., out].
 * @throws TensorError `shape`, `dtype`
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  checkFloat("linear", "the input", x);
  checkFloat("linear", "the weight", weight);
  if (bias !== undefined) checkFloat("linear", "the bias", bias);
  checkShape("linear", "the weight", weight, [any, any], true);
  checkShape("linear", "the input", x, weight.shape.slice(1));
  const y = matmul(x, weight.T);
  if (bias) checkShape("linear", "the bias", bias, weight.shape.slice(0, 1), true);
  return addBias(y, bias);
}

/** A product with a bias along its last axis, where there is one. */
export function addBias(y: Tensor, bias: Tensor | undefined): Tensor {
  if (!bias) return y;
  return y.add(isHalf(y.dtype) ? asFactor(bias, y.dtype) : bias);
}
