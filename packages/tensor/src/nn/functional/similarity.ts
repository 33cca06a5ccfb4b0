// Vectors along an axis compared and scaled, and padding of several axes.

import { argumentError } from "../../errors.js";
import * as f from "../../functions.js";
import type { Tensor } from "../../tensor.js";

/** Along which axis (1 unless given), and the least norm. */
export type SimilarityOptions = { readonly dim?: number; readonly eps?: number };

/** `a·b / (max(‖a‖, ε) max(‖b‖, ε))` along an axis, broadcast; ε is 1e-8 unless given. @throws TensorError `shape` */
export function cosineSimilarity(a: Tensor, b: Tensor, { dim = 1, eps = 1e-8 }: SimilarityOptions = {}): Tensor {
  const length = (x: Tensor): Tensor => x.norm(2, dim).clamp(eps);
  return a
    .mul(b)
    .sum(dim)
    .div(length(a).mul(length(b)));
}

/** `x / max(‖x‖_p, ε)` along an axis; p is 2, ε 1e-12 unless given. @throws TensorError `shape`, `argument` */
export function normalize(
  x: Tensor,
  { p = 2, dim = 1, eps = 1e-12 }: SimilarityOptions & { readonly p?: number } = {},
): Tensor {
  return x.div(x.norm(p, dim, true).clamp(eps));
}

/**
 * x with `value` around it: two amounts an axis, before and after, from the last axis on, as PyTorch counts them.
 * @throws TensorError `argument`
 */
export function pad(x: Tensor, amounts: readonly number[], { value = 0 }: { readonly value?: number } = {}): Tensor {
  if (amounts.length % 2 !== 0 || amounts.length > 2 * x.ndim) {
    throw argumentError("pad", "amounts", `two an axis, at most ${2 * x.ndim}`, `[${amounts.join(", ")}]`);
  }
  let y = x;
  for (let i = 0; i < amounts.length; i += 2) y = f.pad(y, -1 - i / 2, amounts[i]!, amounts[i + 1]!, value);
  return y;
}
