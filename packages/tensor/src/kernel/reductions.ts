// What every backend asks about reductions: where they start, what they repeat, and which of them share a pass.

import { type DType, isHalf } from "../dtype.js";
import { unreachable } from "../errors.js";
import { visit } from "./expr.js";
import type { Program, Reduce, ReduceOp } from "./program.js";
import type { ScalarOp } from "./scalar-ops.js";

const extremes = {
  float32: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  float64: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  int32: [-2147483648, 2147483647],
  uint32: [0, 4294967295],
} as const satisfies Partial<Record<DType, readonly [number, number]>>;

/** The value that changes nothing under `op`. @throws TensorError `internal` for bool and 16 bits, which have no reductions. */
export function identityOf(op: ReduceOp, type: DType): number {
  if (type === "bool" || isHalf(type)) return unreachable(`reduction ${op} of ${type}`);
  const [least, greatest] = extremes[type];
  return { sum: 0, prod: 1, max: least, min: greatest }[op];
}

/** The scalar operation a reduction repeats. */
export const joinOf = { sum: "add", prod: "mul", max: "max", min: "min" } as const satisfies Record<ReduceOp, ScalarOp>;

/** A reduction and its number in the program. */
export type NumberedReduce = Reduce & { readonly index: number };

/** The reductions in passes: those of one pass do not depend on each other, only on earlier passes. */
export function reducePasses(program: Program): readonly (readonly NumberedReduce[])[] {
  const passOf: number[] = [];
  const passes: NumberedReduce[][] = [];
  program.reduces.forEach((reduce, index) => {
    let pass = 0;
    visit(reduce.of, new Set(), (e) => {
      if (e.kind === "reduced") pass = Math.max(pass, passOf[e.index]! + 1);
    });
    passOf[index] = pass;
    if (pass === passes.length) passes.push([]);
    passes[pass]!.push({ ...reduce, index });
  });
  return passes;
}
