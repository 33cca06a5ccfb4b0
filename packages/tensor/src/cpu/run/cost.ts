// Estimates of time on one thread, which decide what is worth sharing out. They are functions of structure and size
// alone, so the same launch is always split the same way.

import { byteLengthOf } from "../../dtype.js";
import { visit } from "../../kernel/expr.js";
import type { Program } from "../../kernel/program.js";
import { scalarOps } from "../../kernel/scalar-ops.js";
import { rootsOf } from "../render/program-shape.js";

// Nanoseconds of one unit of `scalarOps[…].cost` for one element, of a byte to or from memory, of a row, of a call.
const perUnit = 0.08;
const perByte = 0.04;
const perRow = 15;
const perCall = 100;

/** Work below this is not worth waking other threads for. */
export const defaultParallelNanoseconds = 6000;

/** Nanoseconds an element and a row of a program cost. */
export function elementCost(program: Program): number {
  let units = 0;
  for (const root of rootsOf(program)) {
    // Each pass computes what it needs anew.
    visit(root, new Set(), (e) => {
      if (e.kind === "apply") units += scalarOps[e.op].cost * (e.type === "float64" ? 4 : 1);
    });
  }
  const operands = [...program.inputs.filter((x) => x.kind === "buffer"), ...program.outputs.map((o) => o.expr)];
  const bytes = operands.reduce((sum, x) => sum + byteLengthOf(x.type), 0);
  return units * perUnit + bytes * perByte;
}

/** Nanoseconds of a launch of a program that costs `element` an element. */
export const launchCost = (element: number, rows: number, elements: number): number =>
  perCall + rows * perRow + elements * element;

/** How much longer the busiest of `threads` takes than an even share, when `parts` equal parts are dealt out. */
export const imbalance = (parts: number, threads: number): number => (Math.ceil(parts / threads) * threads) / parts;
