// Layer normalisations over the last axes, as one row program each.

import { ones } from "../../creation.js";
import { arithmeticTypeOf, type WideFloat } from "../../dtype.js";
import { layerNormNoBiasRow, layerNormRow, normalizeRow, rmsNormRow } from "../../ops/index.js";
import { type Shape, sizeOf } from "../../shape.js";
import type { Tensor } from "../../tensor.js";
import { checkFloat, checkShape } from "../checks.js";

/** Float32's epsilon, PyTorch's default for RMSNorm, also in 16 bits; and float64's. */
const epsilon = { float32: 2 ** -23, float64: 2 ** -52 } as const;

/** Weight and bias of the shape that is normalised, and what is added to the variance. */
export type LayerNormOptions = { readonly weight?: Tensor; readonly bias?: Tensor; readonly eps?: number };

/** The normalised axes joined into one row. */
function rowsOf(op: string, x: Tensor, shape: Shape): Tensor {
  checkFloat(op, "the input", x);
  checkShape(op, "the input", x, shape);
  return x.reshape([...x.shape.slice(0, x.ndim - shape.length), sizeOf(shape)]);
}

function laneOf(op: string, name: string, x: Tensor, shape: Shape): Tensor {
  checkShape(op, name, x, shape, true);
  return x.reshape(sizeOf(shape));
}

const asShape = (size: number | Shape): Shape => (typeof size === "number" ? [size] : size);

/**
 * `(x − mean) / √(var + ε)` over the last axes, times a weight and plus a bias where given (arXiv 1607.06450).
 * @throws TensorError `shape`, `dtype`
 */
export function layerNorm(x: Tensor, normalizedShape: number | Shape, options: LayerNormOptions = {}): Tensor {
  const { weight, bias, eps = 1e-5 } = options;
  const shape = asShape(normalizedShape);
  const rows = rowsOf("layerNorm", x, shape);
  const scale = weight && laneOf("layerNorm", "the weight", weight, shape);
  const shift = bias && laneOf("layerNorm", "the bias", bias, shape);
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
  { weight, eps }: { readonly weight?: Tensor; readonly eps?: number } = {},
): Tensor {
  const shape = asShape(normalizedShape);
  const rows = rowsOf("rmsNorm", x, shape);
  const { dtype, device } = x;
  const scale = weight ? laneOf("rmsNorm", "the weight", weight, shape) : ones(sizeOf(shape), { dtype, device });
  return rmsNormRow([rows, scale], [eps ?? epsilon[arithmeticTypeOf(dtype) as WideFloat]]).reshape(x.shape);
}
