// Conversion between dtypes.

import { type DType, isFloat } from "../dtype.js";
import { input } from "../kernel/expr.js";
import { makeProgram } from "../kernel/program.js";
import * as s from "../kernel/scalar.js";
import { applyProgram, makeProgramOp, type ProgramOp } from "./program-op.js";
import type { Variable } from "./variable.js";

const ops = new Map<string, ProgramOp>();

/** The values in another dtype: floats truncate to integers, anything non-zero is true. */
export function cast<T extends Variable>(x: T, dtype: DType): T {
  if (x.dtype === dtype) return x;
  const key = x.dtype + dtype;
  let op = ops.get(key);
  if (!op) {
    const inputs = [{ kind: "buffer", type: x.dtype, role: "full" }] as const;
    const expr = s.cast(input(0, x.dtype, "full"), dtype);
    op = makeProgramOp(
      "cast",
      makeProgram({ inputs, scalars: [], reduces: [], outputs: [{ expr, role: "full" }] }),
      false,
    );
    ops.set(key, op);
  }
  const y = applyProgram(op, x, x.device, x.shape, [{ variable: x, layout: x.layout }], [])[0]!;
  if (!isFloat(dtype)) y.tracked = false;
  return y;
}
