// Programs on plain arrays: for tests that ask what a program means, without buffers and launches.

import { unreachable } from "../errors.js";
import type { Role } from "../kernel/expr.js";
import type { Program } from "../kernel/program.js";
import { contiguousStrides, sizeOf } from "../shape.js";
import { type Arithmetic, float64Arithmetic } from "./arithmetic.js";
import { interpret } from "./interpreter.js";
import type { OperandView } from "./iteration.js";

/** A dense array of an operand's own elements, or how an `index` operand walks the space. */
export type EvaluateInput = ArrayLike<number> | { readonly strides: readonly number[]; readonly offset: number };

/** Elements a dense operand of `role` has over a space. */
export function elementsOfRole(role: Role, sizes: readonly number[]): number {
  if (role === "full") return sizeOf(sizes);
  return role === "row" ? sizeOf(sizes.slice(0, -1)) : sizes[sizes.length - 1]!;
}

/** Strides of a dense operand of `role` over a space. */
export function stridesOfRole(role: Role, sizes: readonly number[]): number[] {
  if (role === "full") return contiguousStrides(sizes);
  if (role === "row") return [...contiguousStrides(sizes.slice(0, -1)), 0];
  return sizes.map((_, axis) => (axis === sizes.length - 1 ? 1 : 0));
}

/** The outputs of `program` over `sizes` (the row last), all operands dense; float32 results stay in float64. */
export function evaluate(
  program: Program,
  sizes: readonly number[],
  inputs: readonly EvaluateInput[],
  scalars: readonly number[] = [],
  arithmetic: Arithmetic<number> = float64Arithmetic,
): number[][] {
  const ins = program.inputs.map(({ role }, i): OperandView<number> => {
    const given = inputs[i]!;
    if ("strides" in given) return { ...given, read: () => unreachable("read of an index"), write: noWrite };
    if (given.length !== elementsOfRole(role, sizes)) return unreachable(`input ${i} has ${given.length} elements`);
    return { strides: stridesOfRole(role, sizes), offset: 0, read: (at) => given[at]!, write: noWrite };
  });
  const results = program.outputs.map((o) => new Array<number>(elementsOfRole(o.role, sizes)).fill(Number.NaN));
  const outs = program.outputs.map(({ role }, k): OperandView<number> => {
    const write = (at: number, value: number): void => {
      results[k]![at] = value;
    };
    return { strides: stridesOfRole(role, sizes), offset: 0, read: () => unreachable("read of an output"), write };
  });
  interpret(program, sizes, [...ins, ...outs], scalars, arithmetic);
  return results;
}

const noWrite = (): never => unreachable("write to an input");
