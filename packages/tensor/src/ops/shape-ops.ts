// Shape operations as users call them: arguments checked, then a view or a few regions.

import { checkInteger, checkIntegers, checkValue } from "../arguments.js";
import { cast } from "../autograd/cast.js";
import { axisOf, checkTensor, checkTensors } from "../autograd/checks.js";
import { sameDevice } from "../autograd/program-op.js";
import { record, type Variable } from "../autograd/variable.js";
import * as v from "../autograd/views.js";
import { promote } from "../dtype.js";
import { argumentError, shapeError, TensorError } from "../errors.js";
import { checkAxis, contiguous, type Shape, sameShape, sizeOf } from "../shape.js";

const showShape = (shape: Shape): string => `[${shape.join(", ")}]`;

/** The same elements in another shape; one size may be −1. @throws TensorError `shape` */
export function reshape<T extends Variable>(x: T, shape: Shape): T {
  checkTensor("reshape", x);
  checkIntegers("reshape", "the shape", shape, -1);
  const hole = shape.indexOf(-1);
  let wanted = shape;
  const total = sizeOf(x.shape);
  if (hole >= 0) {
    const rest = shape.reduce((n, d, i) => (i === hole ? n : n * d), 1);
    const fits = rest !== 0 && total % rest === 0 && shape.indexOf(-1, hole + 1) < 0;
    if (!fits) throw shapeError("reshape", `cannot infer a size in ${showShape(shape)}`, [x.shape]);
    wanted = shape.map((d, i) => (i === hole ? total / rest : d));
  }
  if (sizeOf(wanted) !== total) {
    throw shapeError("reshape", `${total} elements do not fill ${showShape(shape)}`, [x.shape]);
  }
  return v.reshape(x, wanted);
}

/** Axes `from` to `to` joined into one. */
export function flatten<T extends Variable>(x: T, from = 0, to = -1): T {
  const first = axisOf("flatten", x, from);
  const last = axisOf("flatten", x, to);
  if (x.shape.length === 0) return v.reshape(x, [1]);
  if (last < first) throw argumentError("flatten", "the last dim", "at or after the first", to);
  return v.reshape(x, [...x.shape.slice(0, first), sizeOf(x.shape.slice(first, last + 1)), ...x.shape.slice(last + 1)]);
}

/** Axes in the order given; each must appear once. */
export function permute<T extends Variable>(x: T, order: readonly number[]): T {
  checkIntegers("permute", "dims", order);
  const axes = order.map((d) => axisOf("permute", x, d));
  if (axes.length !== x.shape.length || new Set(axes).size !== axes.length) {
    throw shapeError("permute", `each of the ${x.shape.length} dims must appear once in [${order.join(", ")}]`, [
      x.shape,
    ]);
  }
  return v.permute(x, axes);
}

/** Two axes swapped. */
export function transpose<T extends Variable>(x: T, first: number, second: number): T {
  const a = axisOf("transpose", x, first);
  const b = axisOf("transpose", x, second);
  return v.permute(
    x,
    x.shape.map((_, i) => (i === a ? b : i === b ? a : i)),
  );
}

/** Axes of size 1 dropped: the ones named, or all. A named axis of another size stays. */
export function squeeze<T extends Variable>(x: T, dims?: number | readonly number[]): T {
  checkTensor("squeeze", x);
  const axes =
    dims === undefined ? x.shape.map((_, i) => i) : [dims].flat().map((d) => axisOf("squeeze", x, d as number));
  return v.reshape(
    x,
    x.shape.filter((d, i) => !(d === 1 && axes.includes(i))),
  );
}

/** A new axis of size 1 before `dim`. */
export function unsqueeze<T extends Variable>(x: T, dim: number): T {
  checkTensor("unsqueeze", x);
  const axis = checkAxis("unsqueeze", dim, x.shape.length + 1);
  return v.reshape(x, [...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)]);
}

/** Axes of size 1 repeated to `shape`; −1 keeps a size. @throws TensorError `shape` */
export function expand<T extends Variable>(x: T, shape: Shape): T {
  checkTensor("expand", x);
  checkIntegers("expand", "the shape", shape, -1);
  const shift = shape.length - x.shape.length;
  const wanted = shape.map((d, i) => (d === -1 && i >= shift ? x.shape[i - shift]! : d));
  const fits = shift >= 0 && x.shape.every((d, i) => d === 1 || d === wanted[i + shift]) && wanted.every((d) => d >= 0);
  if (!fits) throw shapeError("expand", `cannot repeat to ${showShape(shape)}`, [x.shape]);
  return v.expand(x, wanted);
}

/** Elements start to end (exclusive) of an axis, every step-th; bounds count from the end when negative and are clipped. */
export function slice<T extends Variable>(x: T, dim: number, start?: number, end?: number, step = 1): T {
  const axis = axisOf("slice", x, dim);
  const size = x.shape[axis] ?? 1;
  checkInteger("slice", "step", step, 1);
  const bound = (at: number | undefined, otherwise: number): number => {
    if (at === undefined) return otherwise;
    checkInteger("slice", "a bound", at);
    return Math.min(size, Math.max(0, at < 0 ? at + size : at));
  };
  const from = bound(start, 0);
  const length = Math.max(0, Math.ceil((bound(end, size) - from) / step));
  return v.slice(x, axis, from, length, step);
}

/** `length` elements from `start` on. @throws TensorError `index` when they do not exist. */
export function narrow<T extends Variable>(x: T, dim: number, start: number, length: number): T {
  const axis = axisOf("narrow", x, dim);
  const size = x.shape[axis]!;
  checkInteger("narrow", "start", start);
  checkInteger("narrow", "length", length);
  if (start < 0 || length < 0 || start + length > size) {
    throw new TensorError(
      "index",
      `narrow: elements ${start} to ${start + length} do not exist, got an axis of ${size}`,
      { op: "narrow" },
    );
  }
  return v.slice(x, axis, start, length, 1);
}

/** One index of an axis, which is dropped. @throws TensorError `index` */
export function select<T extends Variable>(x: T, dim: number, index: number): T {
  const axis = axisOf("select", x, dim);
  const size = x.shape[axis]!;
  checkInteger("select", "index", index);
  const at = index < 0 ? index + size : index;
  if (at < 0 || at >= size) {
    throw new TensorError("index", `select: index is out of range, got ${index}, expected [${-size}, ${size - 1}]`, {
      op: "select",
    });
  }
  return v.reshape(
    v.slice(x, axis, at, 1, 1),
    x.shape.filter((_, i) => i !== axis),
  );
}

/** Axes walked backwards. */
export function flip<T extends Variable>(x: T, dims: number | readonly number[]): T {
  checkTensor("flip", x);
  let y = x;
  for (const d of [dims].flat()) {
    const axis = axisOf("flip", x, d as number);
    const size = x.shape[axis]!;
    if (size > 0) y = v.slice(y, axis, size - 1, size, -1);
  }
  return y;
}

/** Arrays one after the other along `dim`; other sizes must agree. */
export function cat<T extends Variable>(parts: readonly T[], dim = 0): T {
  checkTensors("cat", parts);
  const first = parts[0]!;
  const axis = axisOf("cat", first, dim);
  sameDevice("cat", parts);
  for (const p of parts) {
    const fits = p.shape.length === first.shape.length && p.shape.every((d, i) => i === axis || d === first.shape[i]);
    if (!fits)
      throw shapeError(
        "cat",
        `shapes must agree except along dim ${dim}`,
        parts.map((q) => q.shape),
      );
  }
  if (parts.length === 1) return first;
  const dtype = parts.map((p) => p.dtype).reduce(promote);
  const shape = first.shape.map((d, i) => (i === axis ? parts.reduce((n, p) => n + p.shape[axis]!, 0) : d));
  let at = 0;
  const regions = parts.map((p) => {
    const region = v.regionOf(shape, axis, at, p.shape[axis]!, 1);
    at += p.shape[axis]!;
    return region;
  });
  return v.writeRegions(
    "cat",
    shape,
    parts.map((p) => cast(p, dtype)),
    regions,
  );
}

/** Arrays of one shape side by side along a new axis. */
export function stack<T extends Variable>(parts: readonly T[], dim = 0): T {
  checkTensors("stack", parts);
  for (const p of parts) {
    if (!sameShape(p.shape, parts[0]!.shape))
      throw shapeError(
        "stack",
        "shapes must be equal",
        parts.map((q) => q.shape),
      );
  }
  return cat(
    parts.map((p) => unsqueeze(p, dim)),
    dim,
  );
}

/** Pieces of the sizes given (or of one size, the last shorter). Their gradients are joined in one pass. */
export function split<T extends Variable>(x: T, sizes: number | readonly number[], dim = 0): T[] {
  const axis = axisOf("split", x, dim);
  const total = x.shape[axis]!;
  if (typeof sizes === "number") checkInteger("split", "the size", sizes, 1);
  else checkIntegers("split", "sizes", sizes, 0);
  const list =
    typeof sizes === "number"
      ? Array.from({ length: Math.ceil(total / sizes) }, (_, i) => Math.min(sizes, total - i * sizes))
      : sizes;
  if (list.reduce((a, b) => a + b, 0) !== total) {
    throw shapeError("split", `sizes [${list.join(", ")}] must add up to ${total}`, [x.shape]);
  }
  let at = 0;
  const pieces = list.map((n) => {
    const { strides, offset } = x.layout;
    const shape = x.shape.map((d, i) => (i === axis ? n : d));
    const layout = { shape, strides, offset: offset + at * strides[axis]! };
    at += n;
    return x.make({ value: x.value, layout, dtype: x.dtype, device: x.device });
  });
  if (v.tracks([x])) {
    record(pieces, {
      name: "split",
      inputs: [x],
      saved: [],
      backward: (gradients) => {
        const like = gradients.find((g) => g !== undefined)!;
        const parts = gradients.map((g, i) => g ?? v.zerosOf(like, pieces[i]!.shape));
        return [parts.length === 1 ? parts[0] : cat(parts, axis)];
      },
    });
  }
  return pieces;
}

/** `count` pieces of nearly equal size along `dim`. */
export function chunk<T extends Variable>(x: T, count: number, dim = 0): T[] {
  checkInteger("chunk", "count", count, 1);
  const axis = axisOf("chunk", x, dim);
  return split(x, Math.max(1, Math.ceil(x.shape[axis]! / count)), axis);
}

/** `value` written over a part of a copy of x, which starts at `start` along `dim`. */
export function sliceAssign<T extends Variable>(x: T, value: T, dim: number, start: number): T {
  const axis = axisOf("sliceAssign", x, dim);
  checkTensor("sliceAssign", value, "the value");
  checkInteger("sliceAssign", "start", start);
  const length = value.shape[axis] ?? 0;
  const shape = x.shape.map((d, i) => (i === axis ? length : d));
  if (!sameShape(shape, value.shape))
    throw shapeError("sliceAssign", `the value must fit along dim ${dim}`, [x.shape, value.shape]);
  if (start < 0 || start + length > x.shape[axis]!) {
    throw new TensorError(
      "index",
      `sliceAssign: elements ${start} to ${start + length} do not exist, got an axis of ${x.shape[axis]}`,
      { op: "sliceAssign" },
    );
  }
  sameDevice("sliceAssign", [x, value]);
  return v.overwrite(x, cast(value, x.dtype), v.regionOf(x.shape, axis, start, length, 1));
}

/** x with `before` and `after` extra elements of `value` around an axis. */
export function pad<T extends Variable>(x: T, dim: number, before: number, after: number, value = 0): T {
  const axis = axisOf("pad", x, dim);
  checkIntegers("pad", "amounts", [before, after], 0);
  checkValue("pad", "value", value);
  const shape = x.shape.map((d, i) => (i === axis ? before + d + after : d));
  const base = v.filledLike(x, shape, value);
  return v.writeRegions(
    "pad",
    shape,
    [base, x],
    [contiguous(shape), v.regionOf(shape, axis, before, x.shape[axis]!, 1)],
  );
}
