// Activations that take options; the plain ones are the tensor's own operations.

import { checkFinite, checkOptions } from "../../arguments.js";
import { axisOf, checkTensor } from "../../autograd/checks.js";
import { argumentError, shapeError } from "../../errors.js";
import * as f from "../../functions.js";
import type { Tensor } from "../../tensor.js";

/** Which GELU: exact by the error function, or the form with tanh. */
export type GeluOptions = { readonly approximate?: "none" | "tanh" };

/** Gaussian error linear unit `x Φ(x)` (arXiv 1606.08415), or its tanh form. @throws TensorError `argument` */
export function gelu(x: Tensor, options: GeluOptions = {}): Tensor {
  checkOptions("gelu", options, ["approximate"]);
  const { approximate = "none" } = options;
  if (approximate !== "none" && approximate !== "tanh") {
    throw argumentError("gelu", "approximate", '"none" or "tanh"', approximate);
  }
  return approximate === "tanh" ? f.geluTanh(x) : f.gelu(x);
}

/** x where x > 0, else `negativeSlope`·x (0.01 unless given). */
export function leakyRelu(x: Tensor, options: { readonly negativeSlope?: number } = {}): Tensor {
  checkOptions("leakyRelu", options, ["negativeSlope"]);
  const { negativeSlope = 0.01 } = options;
  checkFinite("leakyRelu", "negativeSlope", negativeSlope);
  return f.leakyRelu(x, negativeSlope);
}

/** x where x > 0, else `alpha·(e^x − 1)` (1 unless given; arXiv 1511.07289). @throws TensorError `argument` */
export function elu(x: Tensor, options: { readonly alpha?: number } = {}): Tensor {
  checkTensor("elu", x);
  checkOptions("elu", options, ["alpha"]);
  const { alpha = 1 } = options;
  checkFinite("elu", "alpha", alpha);
  // A large x would overflow in the branch that is not taken.
  return f.where(x.gt(0), x, x.maskedFill(x.gt(0), 0).expm1().mul(alpha));
}

/** Bounds of `hardtanh`: −1 and 1 unless given. */
export type HardtanhOptions = { readonly minVal?: number; readonly maxVal?: number };

/** x held within two bounds. @throws TensorError `argument` */
export function hardtanh(x: Tensor, options: HardtanhOptions = {}): Tensor {
  checkOptions("hardtanh", options, ["minVal", "maxVal"]);
  const { minVal = -1, maxVal = 1 } = options;
  checkFinite("hardtanh", "minVal", minVal);
  checkFinite("hardtanh", "maxVal", maxVal);
  return f.clamp(x, minVal, maxVal);
}

/** Gated linear unit `a σ(b)` of the two halves of an axis (arXiv 1612.08083). @throws TensorError `shape`, `argument` */
export function glu(x: Tensor, dim = -1): Tensor {
  const axis = axisOf("glu", x, dim);
  if (x.ndim === 0 || x.shape[axis]! % 2 !== 0) throw shapeError("glu", "needs an axis of even size", [x.shape]);
  const half = x.shape[axis]! / 2;
  const [value, gate] = f.split(x, [half, half], axis);
  return value!.mul(f.sigmoid(gate!));
}
