// Checks of the tensors a layer or function is given: the error names the call, what was got and what was expected.

import { checkTensor } from "../autograd/checks.js";
import { isFloat } from "../dtype.js";
import { argumentError, shapeError, TensorError } from "../errors.js";
import { hostValuesOf } from "../graph/node.js";
import { type Shape, sameShape } from "../shape.js";
import type { Tensor } from "../tensor.js";

/** A size that may be anything. */
export const any = -1;

const show = (shape: Shape): string => `[${shape.map((d) => (d === any ? "any" : d)).join(", ")}]`;

/** @throws TensorError `argument` unless `x` is a tensor, `dtype` unless it is floating */
export function checkFloat(op: string, name: string, x: Tensor): void {
  checkTensor(op, x, name);
  if (isFloat(x.dtype)) return;
  throw new TensorError("dtype", `${op}: ${name} must be floating, got ${x.dtype}, expected float32 or float64`, {
    op,
    field: name,
    got: x.dtype,
  });
}

/** @throws TensorError `shape` unless the last axes of `x` have the sizes `last`, or all its axes when `whole` */
export function checkShape(op: string, name: string, x: Tensor, last: Shape, whole = false): void {
  checkTensor(op, x, name);
  const from = x.shape.length - last.length;
  const fits = (whole ? from === 0 : from >= 0) && last.every((d, i) => d === any || d === x.shape[from + i]);
  if (fits) return;
  const expected = whole ? show(last) : `[…, ${last.map((d) => (d === any ? "any" : d)).join(", ")}]`;
  throw new TensorError("shape", `${op}: ${name} has the wrong shape, got ${show(x.shape)}, expected ${expected}`, {
    op,
    field: name,
    got: x.shape,
    expected: last,
  });
}

/** @throws TensorError `argument`, `shape` unless all are tensors of one shape */
export function checkSameShape(op: string, args: Readonly<Record<string, Tensor>>): void {
  for (const [name, x] of Object.entries(args)) checkTensor(op, x, name);
  const [[firstName, first], ...rest] = Object.entries(args) as [[string, Tensor], ...[string, Tensor][]];
  for (const [name, x] of rest) {
    if (sameShape(first.shape, x.shape)) continue;
    throw shapeError(op, `${firstName} and ${name} must have the same shape`, [first.shape, x.shape]);
  }
}

/**
 * Tests values that the host still holds; those that only the device knows pass.
 * @throws TensorError `argument`, naming the first bad value and its position
 */
export function checkValues(
  op: string,
  name: string,
  x: Tensor,
  expected: string,
  accepts: (value: number) => boolean,
): void {
  checkTensor(op, x, name);
  const values = hostValuesOf(x.value, x.layout);
  const position = values?.findIndex((value) => !accepts(value)) ?? -1;
  if (position >= 0) throw argumentError(op, `${name} (at position ${position})`, expected, values![position]);
}
