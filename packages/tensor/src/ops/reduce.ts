// Reductions over chosen axes: the axes move last, join into one row, and a row op does the rest.

import { checkFinite, checkOptions, flagOf } from "../arguments.js";
import { cast } from "../autograd/cast.js";
import { checkTensor } from "../autograd/checks.js";
import type { Variable } from "../autograd/variable.js";
import { reshape, toRows } from "../autograd/views.js";
import { isInteger } from "../dtype.js";
import { argumentError, TensorError } from "../errors.js";
import { checkAxis, type Shape } from "../shape.js";
import { powBy } from "./arithmetic.js";
import type { Declared, RowFunction } from "./declare.js";
import { abs } from "./maths.js";
import * as rows from "./rows.js";

/** Axes to reduce: one, several, or all when not given. */
export type Dims = number | readonly number[] | undefined;

/** Whether reduced axes stay, with size 1: as the last argument, or by name. */
export type Keepdim = boolean | { readonly keepdim?: boolean };

/** The same, and what is taken off the number of elements that a variance divides by. */
export type Spread = boolean | { readonly keepdim?: boolean; readonly correction?: number };

/** The axes named, in order. @throws TensorError `argument`, `shape` for one out of range or named twice. */
function checkDims(op: string, dims: Dims, rank: number): number[] {
  if (dims === undefined) return Array.from({ length: rank }, (_, i) => i);
  if (typeof dims !== "number" && !Array.isArray(dims)) throw argumentError(op, "dims", "an integer or a list", dims);
  const list = (typeof dims === "number" ? [dims] : [...dims]).map((d) => checkAxis(op, d, rank));
  if (new Set(list).size < list.length) {
    throw new TensorError("shape", `${op}: a dim is named twice, got [${list.join(", ")}]`, { op, dims: list });
  }
  return rank === 0 ? [] : list.sort((a, b) => a - b);
}

/** Shape after reducing `axes`. */
const reducedShape = (shape: Shape, axes: readonly number[], keepdim: boolean): Shape =>
  keepdim ? shape.map((d, i) => (axes.includes(i) ? 1 : d)) : shape.filter((_, i) => !axes.includes(i));

/** Applies a row op over `dims`. `identity`: whether it has a value on an empty row. */
export function reduceWith<T extends Variable>(
  op: Declared<RowFunction>,
  x: T,
  dims: Dims,
  keepdim: Keepdim,
  scalars: readonly number[] = [],
  identity = true,
): T {
  const { name } = op.declaration;
  checkTensor(name, x);
  const keep = flagOf(name, "keepdim", keepdim, false);
  const axes = checkDims(name, dims, x.shape.length);
  const row = axes.reduce((n, i) => n * x.shape[i]!, 1);
  if (row === 0 && !identity) {
    throw new TensorError("shape", `${name}: has no value over an empty axis, got [${x.shape.join(", ")}]`, {
      op: name,
    });
  }
  return reshape(op([toRows(x, axes)], scalars), reducedShape(x.shape, axes, keep));
}

/** Σ over dims. */
export const sum = <T extends Variable>(x: T, dims?: Dims, keepdim: Keepdim = false): T =>
  reduceWith(rows.sumRow, x, dims, keepdim);
/** Mean over dims. */
export const mean = <T extends Variable>(x: T, dims?: Dims, keepdim: Keepdim = false): T =>
  reduceWith(rows.meanRow, x, dims, keepdim);
/** Product over dims. */
export const prod = <T extends Variable>(x: T, dims?: Dims, keepdim: Keepdim = false): T =>
  reduceWith(rows.prodRow, x, dims, keepdim);
/** Largest over dims; ties share the gradient. */
export const amax = <T extends Variable>(x: T, dims?: Dims, keepdim: Keepdim = false): T =>
  reduceWith(rows.maxRow, x, dims, keepdim, [], false);
/** Smallest over dims; ties share the gradient. */
export const amin = <T extends Variable>(x: T, dims?: Dims, keepdim: Keepdim = false): T =>
  reduceWith(rows.minRow, x, dims, keepdim, [], false);
/** Position of the largest along dim (over all elements when not given). */
export const argmax = <T extends Variable>(x: T, dim?: number, keepdim: Keepdim = false): T =>
  reduceWith(rows.argmaxRow, x, dim, keepdim, [], false);
/** Position of the smallest along dim (over all elements when not given). */
export const argmin = <T extends Variable>(x: T, dim?: number, keepdim: Keepdim = false): T =>
  reduceWith(rows.argminRow, x, dim, keepdim, [], false);
/** `ln Σ e^x` over dims. */
export const logsumexp = <T extends Variable>(x: T, dims?: Dims, keepdim: Keepdim = false): T =>
  reduceWith(rows.logSumExpRow, x, dims, keepdim);
/** Whether any is non-zero over dims. */
export const any = <T extends Variable>(x: T, dims?: Dims, keepdim: Keepdim = false): T =>
  reduceWith(rows.anyRow, x, dims, keepdim, [], false);
/** Whether all are non-zero over dims. */
export const all = <T extends Variable>(x: T, dims?: Dims, keepdim: Keepdim = false): T =>
  reduceWith(rows.allRow, x, dims, keepdim, [], false);

function spread<T extends Variable>(
  op: Declared<RowFunction>,
  x: T,
  dims: Dims,
  options: Spread,
  correction: number,
): T {
  const { name } = op.declaration;
  checkFinite(name, "correction", correction);
  if (typeof options !== "boolean") checkOptions(name, options, ["keepdim", "correction"]);
  const named = typeof options === "boolean" ? { keepdim: options } : options;
  const { keepdim = false, correction: less = correction } = named as { keepdim?: boolean; correction?: number };
  checkFinite(name, "correction", less);
  return reduceWith(op, x, dims, keepdim, [less]);
}

/** Variance over dims; divides by n − correction (1 unless given). */
export const variance = <T extends Variable>(x: T, dims?: Dims, options: Spread = false, correction = 1): T =>
  spread(rows.varRow, x, dims, options, correction);
/** Standard deviation over dims; divides by n − correction (1 unless given). */
export const std = <T extends Variable>(x: T, dims?: Dims, options: Spread = false, correction = 1): T =>
  spread(rows.stdRow, x, dims, options, correction);

/** p-norm over dims: 2 unless given; Infinity for the largest magnitude. */
export function norm<T extends Variable>(x: T, p = 2, dims?: Dims, keepdim: Keepdim = false): T {
  checkTensor("norm", x);
  if (!(typeof p === "number" && p > 0)) throw argumentError("norm", "p", "a number above 0", p);
  const real = isInteger(x.dtype) ? cast(x, "float32") : x;
  if (p === Number.POSITIVE_INFINITY) return amax(abs(real), dims, keepdim);
  if (p === 2) return reduceWith(rows.norm2Row, real, dims, keepdim);
  if (p === 1) return sum(abs(real), dims, keepdim);
  return powBy(sum(powBy(abs(real), p), dims, keepdim), 1 / p);
}
