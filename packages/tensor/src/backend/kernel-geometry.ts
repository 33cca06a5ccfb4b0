// From operands over an iteration space to a kernel's shape: joins axes that every operand walks as one, and classifies
// strides. Pure functions of sizes and strides, shared by the planner and the tests.

import type { Program } from "../kernel/program.js";
import type { Access, Kernel } from "./backend.js";

/** An iteration space with each operand's strides over it; the row, where there is one, is the last axis. */
export type Space = { readonly sizes: number[]; readonly strides: number[][] };

/**
 * Joins neighbouring axes that every operand walks in one stride, and drops axes of size 1. The last `fixed` axes are
 * left alone (a row must stay a row). At least one axis remains.
 */
export function joinAxes(sizes: readonly number[], strides: readonly (readonly number[])[], fixed: number): Space {
  const out: Space = { sizes: [], strides: strides.map(() => []) };
  const movable = sizes.length - fixed;
  for (let axis = 0; axis < sizes.length; axis++) {
    const size = sizes[axis]!;
    const last = out.sizes.length - 1;
    if (axis < movable && size === 1) continue;
    const joins = axis < movable && last >= 0 && strides.every((s, i) => out.strides[i]![last] === s[axis]! * size);
    if (joins) {
      out.sizes[last]! *= size;
      for (let i = 0; i < strides.length; i++) out.strides[i]![last] = strides[i]![axis]!;
    } else {
      out.sizes.push(size);
      for (let i = 0; i < strides.length; i++) out.strides[i]!.push(size === 1 ? 0 : strides[i]![axis]!);
    }
  }
  if (out.sizes.length === 0) {
    out.sizes.push(1);
    for (const s of out.strides) s.push(0);
  }
  return out;
}

// Only the last two axes decide how a kernel is written: the row, and the columns beside it.
const classOf = (stride: number, axis: number, rank: number): Access =>
  axis < rank - 2 ? 2 : stride === 0 ? 0 : stride === 1 ? 1 : 2;

/** The kernel of a program over a space: its structure only, never a size. */
export function kernelOf(program: Program, space: Space): Kernel {
  const access = space.strides.map((s) => s.map((stride, axis) => classOf(stride, axis, space.sizes.length)));
  return {
    program,
    rank: space.sizes.length,
    access,
    key: `${program.key}/${access.map((a) => a.join("")).join(".")}`,
  };
}
