// Views and their gradients: permute, reshape, expand, slice. A view shares its value and changes the layout only;
// reshape copies when no strides can say the new shape. Callers have checked the arguments.

import { arithmeticTypeOf, type DType } from "../dtype.js";
import { copyProgram } from "../graph/copy-program.js";
import { Node, type NodeOp, nextOpId } from "../graph/node.js";
import { input } from "../kernel/expr.js";
import { makeProgram, RowBuilder } from "../kernel/program.js";
import * as s from "../kernel/scalar.js";
import {
  contiguous,
  contiguousStrides,
  expandLayout,
  isContiguous,
  type Layout,
  permuteLayout,
  reshapeLayout,
  type Shape,
  sameShape,
  sizeOf,
} from "../shape.js";
import { filled } from "./accumulate.js";
import { gradEnabled, withGrad } from "./mode.js";
import { applyProgram, makeProgramOp, type ProgramOp } from "./program-op.js";
import { anyTracked, record, type Variable } from "./variable.js";

function view<T extends Variable>(x: T, name: string, layout: Layout, backward: (g: T) => T): T {
  const y = x.make({ value: x.value, layout, dtype: x.dtype, device: x.device });
  if (tracks([x])) {
    record([y], { name, inputs: [x], saved: [], backward: ([g]) => [g && backward(g as T)] });
  }
  return y;
}

/** Axes in the order given. */
export function permute<T extends Variable>(x: T, order: readonly number[]): T {
  return view(x, "permute", permuteLayout(x.layout, order), (g) => {
    const inverse = new Array<number>(order.length);
    order.forEach((axis, i) => {
      inverse[axis] = i;
    });
    return permute(g, inverse);
  });
}

/** The same elements in row-major order in another shape; a view when strides allow, else a copy. */
export function reshape<T extends Variable>(x: T, shape: Shape): T {
  if (sameShape(shape, x.shape)) return x;
  const layout = reshapeLayout(x.layout, shape);
  if (!layout) return reshape(dense(x), shape);
  const before = x.shape;
  return view(x, "reshape", layout, (g) => reshape(g, before));
}

/** Repeats axes of size 1 and adds leading ones. */
export function expand<T extends Variable>(x: T, shape: Shape): T {
  if (sameShape(shape, x.shape)) return x;
  const before = x.shape;
  return view(x, "expand", expandLayout(x.layout, shape), (g) => sumTo(g, before));
}

/** Elements start, start+step, … of an axis; `length` of them. A negative step walks backwards. */
export function slice<T extends Variable>(x: T, axis: number, start: number, length: number, step: number): T {
  const { strides, offset } = x.layout;
  const before = x.shape;
  const layout: Layout = {
    shape: before.map((d, i) => (i === axis ? length : d)),
    strides: strides.map((s, i) => (i === axis ? s * step : s)),
    offset: offset + start * strides[axis]!,
  };
  return view(x, "slice", layout, (g) => {
    const zeros = filled(g, g.device, before, g.dtype, 0);
    return writeRegions(
      "sliceBackward",
      before,
      [zeros, g],
      [contiguous(before), regionOf(before, axis, start, length, step)],
    );
  });
}

/** The layout of a slice of a dense array of `shape`. */
export function regionOf(shape: Shape, axis: number, start: number, length: number, step: number): Layout {
  const strides = contiguousStrides(shape);
  return {
    shape: shape.map((d, i) => (i === axis ? length : d)),
    strides: strides.map((s, i) => (i === axis ? s * step : s)),
    offset: start * strides[axis]!,
  };
}

const copies = new Map<DType, ProgramOp>();

/** The same values, row-major and without gaps. */
export function dense<T extends Variable>(x: T): T {
  const whole = sizeOf(x.value.node.outputs[x.value.index]!.shape) === sizeOf(x.shape);
  return whole && isContiguous(x.layout) ? x : clone(x);
}

/** The same values in memory of their own, row-major. */
export function clone<T extends Variable>(x: T): T {
  let op = copies.get(x.dtype);
  if (!op) {
    op = makeProgramOp("contiguous", copyProgram(x.dtype), false);
    copies.set(x.dtype, op);
  }
  return applyProgram(op, x, x.device, x.shape, [{ variable: x, layout: x.layout }], [])[0]!;
}

const rowSums = new Map<DType, ProgramOp>();

/** Sum along the last axis. */
export function sumLast<T extends Variable>(x: T): T {
  let op = rowSums.get(x.dtype);
  if (!op) {
    const row = new RowBuilder();
    const expr = s.cast(row.sum(s.cast(input(0, x.dtype, "full"), arithmeticTypeOf(x.dtype))), x.dtype);
    const inputs = [{ kind: "buffer", type: x.dtype, role: "full" }] as const;
    op = makeProgramOp(
      "sum",
      makeProgram({ inputs, scalars: [], reduces: row.reduces, outputs: [{ expr, role: "row" }] }),
      true,
    );
    rowSums.set(x.dtype, op);
  }
  return applyProgram(op, x, x.device, x.shape, [{ variable: x, layout: x.layout }], [])[0]!;
}

/** Moves `axes` last and joins them into one row: [kept…, row]. */
export function toRows<T extends Variable>(x: T, axes: readonly number[]): T {
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const moved = permute(x, [...kept, ...axes]);
  const shape = kept.map((i) => x.shape[i]!);
  return reshape(moved, [...shape, axes.reduce((n, i) => n * x.shape[i]!, 1)]);
}

/** Undoes broadcasting: sums over the axes along which `shape` was repeated. */
function sumTo<T extends Variable>(x: T, shape: Shape): T {
  if (sameShape(x.shape, shape)) return x;
  const shift = x.shape.length - shape.length;
  const axes = x.shape.flatMap((d, i) => (i < shift || (shape[i - shift] === 1 && d !== 1) ? [i] : []));
  return reshape(axes.length > 0 ? sumLast(toRows(x, axes)) : x, shape);
}

const regionOps = new Map<string, NodeOp>();

/**
 * A new array into which the parts are written one after the other, each at its region. The gradient of a part is the
 * gradient at its region; parts must not overlap unless the part below is constant.
 */
export function writeRegions<T extends Variable>(
  name: string,
  shape: Shape,
  parts: readonly T[],
  regions: readonly Layout[],
): T {
  const key = `${name}${parts.length}`;
  let op = regionOps.get(key);
  if (!op) {
    op = { kind: "regions", id: nextOpId(), label: name };
    regionOps.set(key, op);
  }
  const first = parts[0]!;
  const inputs = parts.map((p) => ({ ...p.value, layout: p.layout }));
  const node = new Node(op, shape, inputs, [{ shape, dtype: first.dtype }], [], regions);
  const y = first.make({
    value: { node, index: 0 },
    layout: contiguous(shape),
    dtype: first.dtype,
    device: first.device,
  });
  if (tracks(parts)) {
    record([y], {
      name,
      inputs: parts,
      saved: [],
      backward: ([g], needs) => regions.map((r, i) => (g && needs[i] ? readRegion(g, r) : undefined)),
    });
  }
  return y;
}

/** The view of a dense-shaped array that a region names. */
function readRegion<T extends Variable>(g: T, region: Layout): T {
  let y = g;
  const whole = contiguousStrides(g.shape);
  let rest = region.offset;
  g.shape.forEach((size, axis) => {
    const unit = whole[axis]!;
    const start = unit === 0 ? 0 : Math.floor(rest / unit);
    rest -= start * unit;
    const length = region.shape[axis]!;
    const step = length > 1 ? region.strides[axis]! / unit : 1;
    if (start !== 0 || step !== 1 || length !== size) y = slice(y, axis, start, length, step);
  });
  return y;
}

/** Whether an operation on these is recorded. */
export const tracks = (inputs: readonly Variable[]): boolean => gradEnabled() && anyTracked(inputs);

/** Zeros of a shape, in the dtype and on the device of `like`. */
export const zerosOf = <T extends Variable>(like: T, shape: Shape): T => filledLike(like, shape, 0);

/** A constant of a shape, in the dtype and on the device of `like`. */
export const filledLike = <T extends Variable>(like: T, shape: Shape, value: number): T =>
  filled(like, like.device, shape, like.dtype, value);

/** x with `part` written at a region; the gradient of x is zero there. */
export function overwrite<T extends Variable>(x: T, part: T, region: Layout): T {
  const whole = contiguous(x.shape);
  const y = withGrad("overwrite", false, () => writeRegions("sliceAssign", x.shape, [x, part], [whole, region]));
  if (tracks([x, part])) {
    record([y], {
      name: "sliceAssign",
      inputs: [x, part],
      saved: [],
      backward: ([g], [needX, needPart]) => [
        g && needX ? overwrite(g, zerosOf(g, part.shape), region) : undefined,
        g && needPart ? readRegion(g, region) : undefined,
      ],
    });
  }
  return y;
}
