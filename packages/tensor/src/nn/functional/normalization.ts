// Layer normalisations over the last axes, as one row program each.

import { checkIntegers, checkOptions } from "../../arguments.js";
import { ones } from "../../creation.js";
import { arithmeticTypeOf, type WideFloat } from "../../dtype.js";
import { layerNormNoBiasRow, layerNormRow, normalizeRow, rmsNormRow } from "../../ops/index.js";
import { type Shape, sizeOf } from "../../shape.js";
import type { Tensor } from "../../tensor.js";
import { checkFloat, checkShape } from "../checks.js";
import { checkNotNegative } from "../options.js";

/** Float32's epsilon, PyTorch's default for RMSNorm, also in 16 bits; and float64's. */
const epsilon = { float32: 2 ** -23, float64: 2 ** -52 } as const;

/** Weight and bias of the shape that is normalised, and what is added to the variance. */
export type LayerNormOptions = { readonly weight?: Tensor; readonly bias?: Tensor; readonly eps?: number };

/** The normalised axes joined into one row. */
function rowsOf(op: string, x: Tensor, shape: Shape): Tensor {
  checkFloat(op, "the input", x);
  checkIntegers(op, "normalizedShape", shape, 1);
  checkShape(op, "the input", x, shape);
  return x.reshape([...x.shape.slice(0, x.ndim - shape.length), sizeOf(shape)]);
}

function laneOf(op: string, name: string, x: Tensor, shape: Shape): Tensor {
  checkFloat(op, name, x);
  checkShape(op, name, x, shape, true);
  return x.reshape(sizeOf(shape));
}

const asShape = (size: number | Shape): Shape => (typeof size === "number" ? [size] : size);

/**
 * `(x − mean) / √(var + ε)` over the last axes, times a weight and plus a bias where given (arXiv 1607.06450).
 * @throws TensorError `shape`, `dtype`
 */
export function layerNorm(x: Tensor, normalizedShape: number | Shape, options: LayerNormOptions = {}): Tensor {
  checkOptions("layerNorm", options, ["weight", "bias", "eps"]);
  const { weight, bias, eps = 1e-5 } = options;
  checkNotNegative("layerNorm", "eps", eps);
  const shape = asShape(normalizedShape);
  const rows = rowsOf("layerNorm", x, shape);
  const scale = weight === undefined ? undefined : laneOf("layerNorm", "the weight", weight, shape);
  const shift = bias === undefined ? undefined : laneOf("layerNorm", "the bias", bias, shape);
  return normalized(rows, scale, shift, eps).reshape(x.shape);
}

function normalized(rows: Tensor, scale: Tensor | undefined, shift: Tensor | undefined, eps: number): Tensor {
  if (scale && shift) return layerNormRow([rows, scale, shift], [eps]);
  const y = scale ? layerNormNoBiasRow([rows, scale], [eps]) : normalizeRow([rows], [eps]);
  return shift ? y.add(shift) : y;
}

/**
 * `x / √(mean(x²) + ε)` over the last axes, times a weight where given (arXiv 1910.07467). ε is the dtype's epsilon
 * unless given. @throws TensorError `shape`, `dtype`
 */
export function rmsNorm(
  x: Tensor,
  normalizedShape: number | Shape,
  options: { readonly weight?: Tensor; readonly eps?: number } = {},
): Tensor {
  checkOptions("rmsNorm", options, ["weight", "eps"]);
  const { weight, eps } = options;
  if (eps !== undefined) checkNotNegative("rmsNorm", "eps", eps);
  const shape = asShape(normalizedShape);
  const rows = rowsOf("rmsNorm", x, shape);
  const { dtype, device } = x;
  const scale =
    weight === undefined ? ones(sizeOf(shape), { dtype, device }) : laneOf("rmsNorm", "the weight", weight, shape);
  return rmsNormRow([rows, scale], [eps ?? epsilon[arithmeticTypeOf(dtype) as WideFloat]]).reshape(x.shape);
}
