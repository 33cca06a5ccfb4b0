// Checks of the tensors that an operation is given. The error names the operation, the argument and what came.

import { argumentError } from "../errors.js";
import { checkAxis } from "../shape.js";
import { Variable } from "./variable.js";

/** @throws TensorError `argument` unless `x` is a tensor */
export function checkTensor(op: string, x: unknown, name = "the input"): void {
  if (!(x instanceof Variable)) throw argumentError(op, name, "a tensor", x);
}

/** @throws TensorError `argument` unless `list` is a list of tensors, and not an empty one */
export function checkTensors(op: string, list: unknown, name = "tensors"): void {
  if (!Array.isArray(list) || list.length === 0) throw argumentError(op, name, "a list of at least one", list);
  for (const x of list) checkTensor(op, x, `each of ${name}`);
}

/** The axis of `x` that `dim` names, counted from the end when negative. @throws TensorError `argument`, `shape` */
export function axisOf(op: string, x: Variable, dim: number): number {
  checkTensor(op, x);
  return checkAxis(op, dim, x.shape.length);
}
