// How an operand lies in its storage: strides, offset and the elements the storage must hold.

import type { Role } from "@torchium/tensor/backend";
import { stridesOfRole } from "@torchium/tensor/reference";
import type { Random } from "./random.js";

/** An operand laid over an iteration space, in elements of a storage of `extent` elements. */
export type OperandLayout = {
  readonly strides: readonly number[];
  readonly offset: number;
  readonly extent: number;
};

/** How one axis is walked: `stride` is 0 (repeats), or a multiple of what lies inside it, backwards when negative. */
export type AxisWish = number;

/** Whether an operand of `role` changes along an axis. */
export const walks = (role: Role, axis: number, rank: number): boolean =>
  role === "full" || (role === "row") === axis < rank - 1;

/** The dense layout of a role. */
export function denseLayout(role: Role, sizes: readonly number[]): OperandLayout {
  const strides = stridesOfRole(role, sizes);
  return { strides, offset: 0, extent: extentOf(sizes, strides).extent };
}

/**
 * Lays an operand out: `order` lists the axes from the innermost, `wishes` how each is walked. Elements of a layout
 * without repeated axes never share a place. `pad` elements stay free before and after.
 */
export function layOut(
  sizes: readonly number[],
  order: readonly number[],
  wishes: readonly AxisWish[],
  pad: readonly [number, number] = [0, 0],
): OperandLayout {
  const strides = sizes.map(() => 0);
  let unit = 1;
  for (const axis of order) {
    strides[axis] = unit * wishes[axis]!;
    if (wishes[axis] !== 0) unit *= Math.max(1, sizes[axis]! * Math.abs(wishes[axis]!));
  }
  const { extent, offset } = extentOf(sizes, strides);
  return { strides, offset: offset + pad[0], extent: extent + pad[0] + pad[1] };
}

/** The least storage of some strides, and where index (0, …, 0) lies in it. */
function extentOf(sizes: readonly number[], strides: readonly number[]): { extent: number; offset: number } {
  if (sizes.some((size, axis) => size === 0 && strides[axis] !== 0)) return { extent: 0, offset: 0 };
  let offset = 0;
  let span = 1;
  strides.forEach((stride, axis) => {
    const reach = Math.abs(stride) * Math.max(0, sizes[axis]! - 1);
    span += reach;
    if (stride < 0) offset += reach;
  });
  return { extent: span, offset };
}

/** A random layout of a role: axes in any order, padded, backwards, for inputs repeated. */
export function randomLayout(random: Random, sizes: readonly number[], role: Role, written: boolean): OperandLayout {
  const axes = [...sizes.keys()].filter((axis) => walks(role, axis, sizes.length));
  const order = random.chance(0.6) ? [...axes].reverse() : random.shuffle(axes);
  const wishes = sizes.map((_, axis) => {
    if (!axes.includes(axis) || (!written && random.chance(0.15))) return 0;
    return random.pick([1, 1, 1, 1, 2, 3]) * (random.chance(0.15) ? -1 : 1);
  });
  return layOut(sizes, order, wishes, [random.integer(0, 3), random.integer(0, 3)]);
}
