// Compositions of other operations.

import { checkInteger, checkIntegers } from "../arguments.js";
import { axisOf, checkTensor } from "../autograd/checks.js";
import { sameDevice } from "../autograd/program-op.js";
import { tensor } from "../creation.js";
import { argumentError } from "../errors.js";
import { indexSelect } from "../functions.js";
import type { Tensor } from "../tensor.js";

/** The positions that sort x along dim, stable. @throws TensorError `shape`, `argument` */
export function argsort(x: Tensor, dim = -1, options: boolean | { readonly descending?: boolean } = false): Tensor {
  checkTensor("argsort", x);
  return x.sort(dim, options).indices;
}

/** Whether x is infinite, as bool. */
export function isinf(x: Tensor): Tensor {
  checkTensor("isinf", x);
  return x.abs().eq(Number.POSITIVE_INFINITY);
}

/** `ln(e^a + e^b)` without overflow, broadcast. @throws TensorError `shape` */
export function logaddexp(a: Tensor, b: Tensor): Tensor {
  sameDevice("logaddexp", [a, b]);
  const top = a.maximum(b);
  // Equal infinities differ by NaN.
  const apart = a.sub(b).abs();
  const more = apart.neg().exp().log1p();
  return top.add(more.maskedFill(isinf(top), 0));
}

/**
 * Each element along dim repeated: `times` of each, or `times[i]` of element i.
 * @throws TensorError `shape`, `argument`
 */
export function repeatInterleave(x: Tensor, times: number | readonly number[], dim = 0): Tensor {
  const axis = axisOf("repeatInterleave", x, dim);
  const size = x.shape[axis]!;
  const list = typeof times === "number" ? new Array<number>(size).fill(times) : times;
  if (typeof times === "number") checkInteger("repeatInterleave", "times", times, 0);
  checkIntegers("repeatInterleave", "times", list, 0);
  if (list.length !== size) throw argumentError("repeatInterleave", "times", `${size} integers of at least 0`, times);
  const ids = Int32Array.from(list.flatMap((n, i) => new Array<number>(n).fill(i)));
  return indexSelect(x, axis, tensor(ids, { device: x.device }));
}
