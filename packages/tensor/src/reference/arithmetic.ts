// The number system the interpreter runs in. The meaning of a program is what it computes in `float64Arithmetic`;
// other systems answer other questions about it, such as how far a correct device may be off.

import type { DType } from "../dtype.js";
import type { ReduceOp } from "../kernel/program.js";
import { identityOf, joinOf } from "../kernel/reductions.js";
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
