// Tensors in the shape, dtype and device of another one.

import { isPlain } from "../arguments.js";
import { checkTensor } from "../autograd/checks.js";
import { full, type RandomOptions, rand, randn, type TensorOptions } from "../creation.js";
import { argumentError } from "../errors.js";
import type { Tensor } from "../tensor.js";

/** Options of a tensor like `x`: those that are not given are its own. */
function like<O extends TensorOptions>(op: string, x: Tensor, options: O): O {
  checkTensor(op, x);
  if (!isPlain(options)) throw argumentError(op, "options", "an object", options);
  return { dtype: x.dtype, device: x.device, ...options };
}

/** One value in the shape, dtype and device of `x`. @throws TensorError `argument`, `dtype` */
export const fullLike = (x: Tensor, value: number | boolean, options: TensorOptions = {}): Tensor =>
  full(x?.shape, value, like("fullLike", x, options));

/** Zeros in the shape, dtype and device of `x`. @throws TensorError `argument`, `dtype` */
export const zerosLike = (x: Tensor, options: TensorOptions = {}): Tensor =>
  full(x?.shape, 0, like("zerosLike", x, options));

/** Ones in the shape, dtype and device of `x`. @throws TensorError `argument`, `dtype` */
export const onesLike = (x: Tensor, options: TensorOptions = {}): Tensor =>
  full(x?.shape, 1, like("onesLike", x, options));

/** Uniform random numbers in [0, 1) in the shape, dtype and device of `x`. @throws TensorError `argument`, `dtype` */
export function randLike(x: Tensor, options: RandomOptions = {}): Tensor {
  const own = like("randLike", x, options);
  return rand(x.shape, own);
}

/** Standard normal random numbers in the shape, dtype and device of `x`. @throws TensorError `argument`, `dtype` */
export function randnLike(x: Tensor, options: RandomOptions = {}): Tensor {
  const own = like("randnLike", x, options);
  return randn(x.shape, own);
}
