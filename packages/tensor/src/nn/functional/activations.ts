// Activations that take options; the plain ones are the tensor's own operations.

import { checkFinite, checkOptions } from "../../arguments.js";
import { argumentError } from "../../errors.js";
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
