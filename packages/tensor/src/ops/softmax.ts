// Softmax and its logarithm along any axis, and the other ops that keep an axis.

import { axisOf } from "../autograd/checks.js";
import type { Variable } from "../autograd/variable.js";
import { permute } from "../autograd/views.js";
import type { Declared, RowFunction } from "./declare.js";
import * as rows from "./rows.js";

/** Applies a row op along `dim` by moving it last and back. */
export function alongAxis<T extends Variable>(op: string, x: T, dim: number, apply: (x: T) => T): T {
  const axis = axisOf(op, x, dim);
  const last = x.shape.length - 1;
  if (axis === last || x.shape.length === 0) return apply(x);
  const swap = x.shape.map((_, i) => (i === axis ? last : i === last ? axis : i));
  return permute(apply(permute(x, swap)), swap);
}

const along =
  (op: Declared<RowFunction>) =>
  <T extends Variable>(x: T, dim: number): T =>
    alongAxis(op.declaration.name, x, dim, (y) => op([y]));

/** `e^x / Σ e^x` along dim. */
export const softmax = along(rows.softmaxRow);
/** `x − ln Σ e^x` along dim. */
export const logSoftmax = along(rows.logSoftmaxRow);
