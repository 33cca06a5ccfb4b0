// Vectors along an axis compared and scaled, and padding of several axes.

import { checkIntegers, checkOptions, checkValue } from "../../arguments.js";
import { checkTensor } from "../../autograd/checks.js";
import { sameDevice } from "../../autograd/program-op.js";
import { argumentError } from "../../errors.js";
import * as f from "../../functions.js";
import type { Tensor } from "../../tensor.js";
import { checkNotNegative } from "../options.js";

/** Along which axis (1 unless given), and the least norm. */
export type SimilarityOptions = { readonly dim?: number; readonly eps?: number };

/** `a·b / (max(‖a‖, ε) max(‖b‖, ε))` along an axis, broadcast; ε is 1e-8 unless given. @throws TensorError `shape` */
export function cosineSimilarity(a: Tensor, b: Tensor, options: SimilarityOptions = {}): Tensor {
  checkOptions("cosineSimilarity", options, ["dim", "eps"]);
  const { dim = 1, eps = 1e-8 } = options;
  sameDevice("cosineSimilarity", [a, b]);
  checkNotNegative("cosineSimilarity", "eps", eps);
  const length = (x: Tensor): Tensor => x.norm(2, dim).clamp(eps);
  return a
    .mul(b)
    .sum(dim)
    .div(length(a).mul(length(b)));
}

/** `x / max(‖x‖_p, ε)` along an axis; p is 2, ε 1e-12 unless given. @throws TensorError `shape`, `argument` */
export function normalize(x: Tensor, options: SimilarityOptions & { readonly p?: number } = {}): Tensor {
  checkOptions("normalize", options, ["p", "dim", "eps"]);
  const { p = 2, dim = 1, eps = 1e-12 } = options;
  checkTensor("normalize", x);
  checkNotNegative("normalize", "eps", eps);
  return x.div(x.norm(p, dim, true).clamp(eps));
}

/**
 * x with `value` around it: two amounts an axis, before and after, from the last axis on, as PyTorch counts them.
 * @throws TensorError `argument`
 */
export function pad(x: Tensor, amounts: readonly number[], options: { readonly value?: number } = {}): Tensor {
  checkOptions("pad", options, ["value"]);
  const { value = 0 } = options;
  checkTensor("pad", x);
  checkIntegers("pad", "amounts", amounts, 0);
  checkValue("pad", "value", value);
  if (amounts.length % 2 !== 0 || amounts.length > 2 * x.ndim) {
    throw argumentError("pad", "amounts", `two an axis, at most ${2 * x.ndim}`, amounts);
  }
  let y = x;
  for (let i = 0; i < amounts.length; i += 2) y = f.pad(y, -1 - i / 2, amounts[i]!, amounts[i + 1]!, value);
  return y;
}
