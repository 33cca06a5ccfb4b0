// Ops composed of others: powers by constants, clamping, masks, extremes with positions, sorting.

import { checkInteger, checkIntegers, flagOf } from "../arguments.js";
import { keptWide } from "../autograd/autocast.js";
import { cast } from "../autograd/cast.js";
import { axisOf, checkTensor } from "../autograd/checks.js";
import type { Variable } from "../autograd/variable.js";
import { expand, reshape } from "../autograd/views.js";
import { isFloat } from "../dtype.js";
import { argumentError, shapeError, TensorError } from "../errors.js";
import { Generator } from "../random.js";
import type { Shape } from "../shape.js";
import { cumulativeSum } from "./anchors/scan.js";
import { sortRows } from "./anchors/sort.js";
import { clampBetween, powBy, where } from "./arithmetic.js";
import { gather } from "./indexing.js";
import { reciprocal, sqrt, square } from "./maths.js";
import { dropout as randomDropout } from "./random.js";
import { argmax, argmin, type Keepdim } from "./reduce.js";
import { cat, slice } from "./shape-ops.js";
import { alongAxis } from "./softmax.js";

/** The error for a value of the wrong shape. */
export const shapeMismatch = (op: string, expected: Shape, got: Shape): TensorError =>
  shapeError(op, `shape must be [${expected.join(", ")}]`, [got]);

/** `x^p`; squares, roots and reciprocals take their own kernels. */
export function pow<T extends Variable>(x: T, p: T | number): T {
  if (p === 2) return square(x);
  if (p === 0.5) return sqrt(x);
  if (p === -1) return reciprocal(x);
  return powBy(x, p);
}

/** x held within bounds, either of which may be left out. */
export function clamp<T extends Variable>(x: T, low?: number, high?: number): T {
  checkTensor("clamp", x);
  if (low === undefined && high === undefined) throw argumentError("clamp", "bounds", "given, one at least", "none");
  const integer = !isFloat(x.dtype);
  const bottom = low !== undefined ? low : integer ? -2147483648 : Number.NEGATIVE_INFINITY;
  const top = high !== undefined ? high : integer ? 2147483647 : Number.POSITIVE_INFINITY;
  return clampBetween(x, bottom, top);
}

/** `value` where the mask is non-zero, else x. */
export const maskedFill = <T extends Variable>(x: T, mask: T, value: T | number): T => where(mask, value, x);

/** The extreme along dim with its position; the gradient goes to that position alone. */
export function extreme<T extends Variable>(
  x: T,
  dim: number,
  keepdim: Keepdim,
  which: "max" | "min",
): { readonly values: T; readonly indices: T } {
  const axis = axisOf(which, x, dim);
  const at = (which === "max" ? argmax : argmin)(x, axis, true);
  const values = gather(x, axis, at);
  const shape = x.shape.filter((_, i) => i !== axis);
  return flagOf(which, "keepdim", keepdim, false)
    ? { values, indices: at }
    : { values: reshape(values, shape), indices: reshape(at, shape) };
}

/** Sorted along dim, stable, with the positions they came from; NaN counts as largest. */
export function sort<T extends Variable>(
  x: T,
  dim: number,
  options: boolean | { readonly descending?: boolean },
): { readonly values: T; readonly indices: T } {
  const axis = axisOf("sort", x, dim);
  const descending = flagOf("sort", "descending", options, false);
  if (x.shape.length === 0) return { values: x, indices: argmax(x) };
  const indices = alongAxis("sort", x, axis, (y) => sortRows(y, descending));
  return { values: gather(x, axis, indices), indices };
}

/** The k largest (or smallest) along dim, the most extreme first, with their positions. @throws TensorError `argument` */
export function topk<T extends Variable>(
  x: T,
  k: number,
  dim = -1,
  options: boolean | { readonly largest?: boolean } = true,
): { readonly values: T; readonly indices: T } {
  const axis = axisOf("topk", x, dim);
  const largest = flagOf("topk", "largest", options, true);
  if (!Number.isInteger(k) || k < 0 || k > x.shape[axis]!)
    throw argumentError("topk", "k", `an integer from 0 to ${x.shape[axis]}`, k);
  const indices = slice(sort(x, axis, largest).indices, axis, 0, k);
  return { values: gather(x, axis, indices), indices };
}

/** Sum of everything up to each position along dim. */
export function cumsum<T extends Variable>(x: T, dim: number): T {
  checkTensor("cumsum", x);
  return alongAxis("cumsum", x.dtype === "bool" ? cast(x, "int32") : keptWide(x), dim, (y) =>
    y.shape.length === 0 ? y : cumulativeSum(y, false),
  );
}

/** x / (1 − p) with each element dropped with probability p. @throws TensorError `argument` */
export function dropout<T extends Variable>(x: T, p: number, generator: Generator): T {
  checkTensor("dropout", x);
  if (!(typeof p === "number" && p >= 0 && p <= 1)) throw argumentError("dropout", "p", "a number from 0 to 1", p);
  if (!(generator instanceof Generator)) throw argumentError("dropout", "generator", "a Generator", generator);
  if (!isFloat(x.dtype)) throw new TensorError("dtype", `dropout: needs a floating tensor, got ${x.dtype}`);
  return p === 0 ? x : randomDropout(x, p, generator);
}

/** x tiled: `times[i]` copies along axis i; more entries than axes add leading ones. @throws TensorError `argument` */
export function repeat<T extends Variable>(x: T, times: readonly number[]): T {
  checkTensor("repeat", x);
  checkIntegers("repeat", "times", times, 0);
  if (times.length < x.shape.length) {
    throw argumentError("repeat", "times", `at least ${x.shape.length} integers of at least 0`, times);
  }
  const shape = [...new Array<number>(times.length - x.shape.length).fill(1), ...x.shape];
  const apart = reshape(
    x,
    shape.flatMap((d) => [1, d]),
  );
  const tiled = expand(
    apart,
    shape.flatMap((d, i) => [times[i]!, d]),
  );
  return reshape(
    tiled,
    shape.map((d, i) => d * times[i]!),
  );
}

/** x shifted along dim, what leaves at one end coming back at the other. @throws TensorError `argument` */
export function roll<T extends Variable>(x: T, shift: number, dim: number): T {
  const axis = axisOf("roll", x, dim);
  const size = x.shape[axis]!;
  checkInteger("roll", "shift", shift);
  const by = size === 0 ? 0 : ((shift % size) + size) % size;
  return by === 0 ? x : cat([slice(x, axis, size - by), slice(x, axis, 0, size - by)], axis);
}
