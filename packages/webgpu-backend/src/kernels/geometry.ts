// Addresses in text: coordinates from a number, words from coordinates. All arithmetic is modulo 2³², so strides and
// offsets may be negative.

import type { Access } from "@torchium/tensor/backend";
import { type ParamLayout, wordText } from "../wgsl/params.js";

/** Statements that split `index` into coordinates `c0`, `c1`, … of `axes` axes, the last running fastest. */
export function coordinates(index: string, axes: number, size: (axis: number) => string): string[] {
  if (axes === 0) return [];
  if (axes === 1) return [`let c0 = ${index};`];
  const lines = [`var rest = ${index};`];
  for (let axis = axes - 1; axis > 0; axis--) {
    lines.push(`let c${axis} = rest % ${size(axis)};`, `rest = rest / ${size(axis)};`);
  }
  return [...lines, "let c0 = rest;"];
}

/** One step along an axis, as a term to add. */
export function step(
  layout: ParamLayout,
  operand: number,
  axis: number,
  access: Access,
  coordinate: string,
): string | undefined {
  if (access === 0) return undefined;
  return access === 1 ? coordinate : `${coordinate} * ${wordText(layout.stride(operand, axis))}`;
}

/** The address of an operand at coordinates `c0` … of the given axes. */
export function address(
  layout: ParamLayout,
  operand: number,
  access: readonly Access[],
  axes: readonly number[],
): string {
  const terms = axes.flatMap((axis) => step(layout, operand, axis, access[axis]!, `c${axis}`) ?? []);
  return [wordText(layout.start(operand)), ...terms].join(" + ");
}
