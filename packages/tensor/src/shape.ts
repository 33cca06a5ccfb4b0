// Shapes and strided layouts. A layout says where element (i, j, …) of a view lies in a contiguous buffer:
// offset + Σ index·stride, counted in elements. Views are layouts; no view touches data.

import { argumentError, shapeError, TensorError } from "./errors.js";

/** Sizes an axis; `[]` is a scalar. */
export type Shape = readonly number[];

/** A strided view of a buffer, in elements. Stride 0 repeats; a negative stride walks backwards. */
export type Layout = { readonly shape: Shape; readonly strides: readonly number[]; readonly offset: number };

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

/** Row-major strides. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/** The row-major layout of a whole buffer. */
export const contiguous = (shape: Shape): Layout => ({ shape, strides: contiguousStrides(shape), offset: 0 });

/** Whether a layout walks its buffer in order from the start (axes of size 1 may have any stride). */
export function isContiguous(layout: Layout): boolean {
  if (layout.offset !== 0) return false;
  let step = 1;
  for (let i = layout.shape.length - 1; i >= 0; i--) {
    const size = layout.shape[i]!;
    if (size === 0) return true;
    if (size !== 1 && layout.strides[i] !== step) return false;
    step *= size;
  }
  return true;
}

/** Whether two shapes are equal. */
export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** NumPy's broadcasting of several shapes. @throws TensorError `shape` when they do not fit. */
export function broadcastShapes(op: string, shapes: readonly Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    const shift = rank - shape.length;
    for (let i = 0; i < shape.length; i++) {
      const size = shape[i]!;
      if (size === 1 || out[i + shift] === size) continue;
      if (out[i + shift] !== 1) throw shapeError(op, "shapes do not broadcast", shapes);
      out[i + shift] = size;
    }
  }
  return out;
}

/** An axis counted from the end when negative; a scalar has one axis. @throws TensorError `shape` when out of range. */
export function checkAxis(op: string, axis: number, rank: number): number {
  const axes = Math.max(rank, 1);
  if (typeof axis !== "number") throw argumentError(op, "dim", "an integer", axis);
  const at = axis < 0 ? axis + axes : axis;
  if (Number.isInteger(axis) && at >= 0 && at < axes) return at;
  const range = `[${-axes}, ${axes - 1}]`;
  throw new TensorError("shape", `${op}: dim is out of range, got ${axis}, expected ${range}`, { op, axis, rank });
}

/** A layout with its axes in another order. */
export const permuteLayout = (layout: Layout, order: readonly number[]): Layout => ({
  shape: order.map((i) => layout.shape[i]!),
  strides: order.map((i) => layout.strides[i]!),
  offset: layout.offset,
});

/** A layout repeated to `shape` along new leading axes and axes of size 1. The caller has checked that it fits. */
export function expandLayout(layout: Layout, shape: Shape): Layout {
  const shift = shape.length - layout.shape.length;
  const strides = shape.map((size, i) =>
    i < shift || (layout.shape[i - shift] === 1 && size !== 1) ? 0 : layout.strides[i - shift]!,
  );
  return { shape, strides, offset: layout.offset };
}

/** The same elements in another shape as a view, or undefined when that needs a copy. */
export function reshapeLayout(layout: Layout, shape: Shape): Layout | undefined {
  if (sizeOf(shape) === 0) return contiguous(shape);
  const blocks = mergeAxes(layout);
  const strides = new Array<number>(shape.length).fill(0);
  let block = blocks.length - 1;
  let left = block >= 0 ? blocks[block]!.size : 1;
  let step = block >= 0 ? blocks[block]!.stride : 0;
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i]!;
    if (size === 1) continue;
    if (left === 1) {
      block--;
      left = blocks[block]!.size;
      step = blocks[block]!.stride;
    }
    if (left % size !== 0) return undefined;
    strides[i] = step;
    step *= size;
    left /= size;
  }
  return { shape, strides, offset: layout.offset };
}

/** Axes of a layout joined where one stride carries on the next; sizes of 1 left out. */
function mergeAxes(layout: Layout): { size: number; stride: number }[] {
  const blocks: { size: number; stride: number }[] = [];
  for (let i = 0; i < layout.shape.length; i++) {
    const size = layout.shape[i]!;
    const stride = layout.strides[i]!;
    if (size === 1) continue;
    const last = blocks[blocks.length - 1];
    if (last && last.stride === stride * size) {
      last.size *= size;
      last.stride = stride;
    } else blocks.push({ size, stride });
  }
  return blocks;
}

/**
 * The layout of reading `access` (a view of a contiguous array of shape `inner.shape`) through `inner`:
 * where in inner's buffer element i of access lies. Undefined where no strides are found for it. They are found for
 * every view of a contiguous inner, and for slices and permutations of any inner's own axes.
 */
export function composeLayouts(inner: Layout, access: Layout): Layout | undefined {
  if (sizeOf(access.shape) === 0) return { shape: access.shape, strides: access.strides, offset: 0 };
  if (isContiguous(access) && sizeOf(access.shape) === sizeOf(inner.shape)) {
    return sameShape(access.shape, inner.shape) ? inner : reshapeLayout(inner, access.shape);
  }
  const blocks = mergeAxes(inner);
  const units = new Array<number>(blocks.length); // elements of the contiguous array one step of a block is worth
  let unit = 1;
  for (let k = blocks.length - 1; k >= 0; k--) {
    units[k] = unit;
    unit *= blocks[k]!.size;
  }
  const low = new Array<number>(blocks.length).fill(0);
  let offset = inner.offset;
  let rest = access.offset;
  for (let k = 0; k < blocks.length; k++) {
    low[k] = Math.floor(rest / units[k]!);
    rest -= low[k]! * units[k]!;
    offset += low[k]! * blocks[k]!.stride;
  }
  const high = [...low];
  const strides = new Array<number>(access.shape.length).fill(0);
  for (let j = 0; j < access.shape.length; j++) {
    const size = access.shape[j]!;
    const stride = access.strides[j]!;
    if (size === 1 || stride === 0) continue;
    let k = 0;
    while (k < blocks.length && units[k]! > Math.abs(stride)) k++;
    if (k === blocks.length || stride % units[k]! !== 0) return undefined;
    const steps = stride / units[k]!;
    strides[j] = steps * blocks[k]!.stride;
    if (steps < 0) low[k]! += steps * (size - 1);
    else high[k]! += steps * (size - 1);
  }
  for (let k = 0; k < blocks.length; k++) if (low[k]! < 0 || high[k]! >= blocks[k]!.size) return undefined;
  return { shape: access.shape, strides, offset };
}
