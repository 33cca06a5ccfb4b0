// The number system the interpreter runs in. The meaning of a program is what it computes in `float64Arithmetic`;
// other systems answer other questions about it, such as how far a correct device may be off.

import type { DType } from "../dtype.js";
import { unreachable } from "../errors.js";
import type { ReduceOp } from "../kernel/program.js";
import { castValue, evaluateScalar, type ScalarOp } from "../kernel/scalar-ops.js";

/** Joins values one after the other, starting from the identity of its operation. */
export interface Reducer<V> {
  /** Takes one more value in. */
  add(value: V): void;
  /** What has been joined so far. */
  result(): V;
}

/** How values of type `V` are made, computed with and reduced. */
export interface Arithmetic<V> {
  /** A value that a device holds exactly: an element of memory, a position, a size. */
  exact(value: number, type: DType): V;
  /** A number of the program or the launch, which a device first rounds to `type`. */
  literal(value: number, type: DType): V;
  /** One scalar operation; `type` is the result's, `operandType` that of the operands. */
  apply(op: ScalarOp, type: DType, operandType: DType, args: readonly V[]): V;
  /** A fresh reduction. */
  reducer(op: ReduceOp, type: DType): Reducer<V>;
}

const extremes = {
  float32: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  float64: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  int32: [-2147483648, 2147483647],
  uint32: [0, 4294967295],
} as const satisfies Partial<Record<DType, readonly [number, number]>>;

/** The value that changes nothing under `op`. @throws TensorError `internal` for bool, which has no reductions. */
export function identityOf(op: ReduceOp, type: DType): number {
  if (type === "bool") return unreachable(`reduction ${op} of bool`);
  const [least, greatest] = extremes[type];
  return { sum: 0, prod: 1, max: least, min: greatest }[op];
}

/** The scalar operation a reduction repeats. */
export const joinOf = { sum: "add", prod: "mul", max: "max", min: "min" } as const satisfies Record<ReduceOp, ScalarOp>;

/** Floats in float64, integers exactly: the living definition. Only literals and casts round to float32. */
export const float64Arithmetic: Arithmetic<number> = {
  exact: (value) => value,
  literal: (value, type) => castValue(type, value, "float64"),
  apply: (op, type, operandType, [a, b, c]) => evaluateScalar(op, type, operandType, a!, b!, c!),
  reducer: (op, type) => {
    let total = identityOf(op, type);
    return {
      add: (value) => {
        total = evaluateScalar(joinOf[op], type, type, total, value, 0);
      },
      result: () => total,
    };
  },
};
