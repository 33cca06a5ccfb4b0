// Automatic mixed precision: inside `withAutocast` products are computed in 16 bits, and operations that lose too much
// there give float32. The lists are PyTorch's for CUDA. Ambient, but only within synchronous callbacks.

import { checkFunction } from "../arguments.js";
import { arithmeticTypeOf, type DType, type HalfType, isHalf } from "../dtype.js";
import { cast } from "./cast.js";
import { gradEnabled, refusePromise } from "./mode.js";
import type { Variable } from "./variable.js";

/**
 * Declared ops that give float32 inside autocast. The others keep the dtype that their operands meet in; products are in
 * 16 bits.
 */
export const float32Ops: ReadonlySet<string> = new Set([
  ...["exp", "expm1", "log", "log1p", "log2", "pow", "reciprocal", "rsqrt", "softplus"],
  ...["sum", "prod", "norm", "layerNorm", "normalize", "nll", "crossEntropy"],
  ...["softmax", "logSoftmax", "scaledSoftmax", "maskedSoftmax", "causalSoftmax", "causalMaskedSoftmax"],
]);

/** `weights`: parameters that have been converted, so that one used twice is converted once. */
type Autocast = { readonly dtype: HalfType; readonly weights: Map<Variable, Variable> };

let running: Autocast | undefined;

/** Whether autocast is on. */
export const autocasting = (): boolean => running !== undefined;

/** Runs `fn` with products in `dtype`; float32 turns autocast off. @throws TensorError `state` when `fn` returns a promise */
export function withAutocast<R>(dtype: HalfType | "float32", fn: () => R): R {
  checkFunction("autocast", "the callback", fn);
  const before = running;
  if (dtype === "float32") running = undefined;
  else if (running?.dtype !== dtype) running = { dtype, weights: new Map() };
  try {
    return refusePromise("autocast", fn());
  } finally {
    running = before;
  }
}

/** The dtype that a product of operands meeting in `dtype` is computed in. */
export const productType = (dtype: DType): DType =>
  running && (dtype === "float32" || isHalf(dtype)) ? running.dtype : dtype;

/** An operand of a product, or what is added to it, in `dtype`. */
export function asFactor<T extends Variable>(x: T, dtype: DType): T {
  const isWeight = running?.dtype === dtype && x.tracked && !x.gradFn && gradEnabled();
  if (!running || !isWeight || x.dtype === dtype) return cast(x, dtype);
  const known = running.weights.get(x) ?? cast(x, dtype);
  running.weights.set(x, known);
  return known as T;
}

/** The operand of an operation that gives float32 inside autocast. */
export const keptWide = <T extends Variable>(x: T): T => (running ? cast(x, arithmeticTypeOf(x.dtype)) : x);
