// Diagonals, traces and outer products.

import { checkInteger } from "../arguments.js";
import { checkTensor } from "../autograd/checks.js";
import { sameDevice } from "../autograd/program-op.js";
import { shapeError } from "../errors.js";
import { pad, where } from "../functions.js";
import { positions } from "../ops/index.js";
import type { Tensor } from "../tensor.js";

/** Where row and column of a matrix lie on the diagonal `offset` above the main one. */
const onDiagonal = (x: Tensor, offset: number): Tensor => positions(x, 1).sub(positions(x, 0)).eq(offset);

function checkMatrix(op: string, x: Tensor): void {
  checkTensor(op, x);
  if (x.ndim !== 2) throw shapeError(op, "needs a matrix", [x.shape]);
}

/** The diagonal of a matrix, `offset` above the main one (below when negative). @throws TensorError `shape`, `argument` */
export function diagonal(x: Tensor, offset = 0): Tensor {
  checkMatrix("diagonal", x);
  checkInteger("diagonal", "offset", offset);
  const [rows, columns] = x.shape as [number, number];
  const [top, left] = [Math.max(0, -offset), Math.max(0, offset)];
  const length = Math.max(0, Math.min(rows - top, columns - left));
  if (length === 0) return x.slice(0, 0, 0).slice(1, 0, 1).reshape(0);
  const block = x.narrow(0, top, length).narrow(1, left, length);
  return where(onDiagonal(block, 0), block, 0).sum(1);
}

/**
 * The diagonal of a matrix, or the matrix with a vector on its diagonal and zeros elsewhere; `offset` above the main
 * one. @throws TensorError `shape`, `argument`
 */
export function diag(x: Tensor, offset = 0): Tensor {
  checkTensor("diag", x);
  if (x.ndim !== 1) return diagonal(x, offset);
  checkInteger("diag", "offset", offset);
  const size = x.shape[0]! + Math.abs(offset);
  // Element i of the vector is in row i, or in row i − offset below the diagonal.
  const rows = pad(x, 0, Math.max(0, -offset), Math.max(0, offset)).unsqueeze(1).expand(size, size);
  return where(onDiagonal(rows, offset), rows, 0);
}

/** The sum of a matrix's main diagonal. @throws TensorError `shape` */
export function trace(x: Tensor): Tensor {
  checkMatrix("trace", x);
  return where(onDiagonal(x, 0), x, 0).sum();
}

/** `x yᵀ` of two vectors. @throws TensorError `shape` */
export function outer(x: Tensor, y: Tensor): Tensor {
  sameDevice("outer", [x, y]);
  if (x.ndim !== 1 || y.ndim !== 1) throw shapeError("outer", "needs two vectors", [x.shape, y.shape]);
  return x.unsqueeze(1).mul(y);
}
