// Two programs that backward itself needs: the sum of two gradients, and a constant to start from.

import { arithmeticTypeOf, type DType } from "../dtype.js";
import type { Device } from "../graph/device.js";
import { input, scalar } from "../kernel/expr.js";
import { makeProgram } from "../kernel/program.js";
import * as s from "../kernel/scalar.js";
import type { Shape } from "../shape.js";
import { applyProgram, makeProgramOp, type ProgramOp } from "./program-op.js";
import type { Variable } from "./variable.js";

const sums = new Map<DType, ProgramOp>();
const fills = new Map<DType, ProgramOp>();

/** a + b, of one shape and dtype. */
export function sumOf<T extends Variable>(a: T, b: T): T {
  let op = sums.get(a.dtype);
  if (!op) {
    const inputs = [0, 1].map(() => ({ kind: "buffer", type: a.dtype, role: "full" }) as const);
    const [x, y] = [0, 1].map((i) => s.cast(input(i, a.dtype, "full"), arithmeticTypeOf(a.dtype)));
    const expr = s.cast(s.add(x!, y!), a.dtype);
    op = makeProgramOp(
      "add",
      makeProgram({ inputs, scalars: [], reduces: [], outputs: [{ expr, role: "full" }] }),
      false,
    );
    sums.set(a.dtype, op);
  }
  const operands = [a, b].map((variable) => ({ variable, layout: variable.layout }));
  return applyProgram(op, a, a.device, a.shape, operands, [])[0]!;
}

/** A tensor filled with `value`, computed where it is used. */
export function filled<T extends Variable>(like: T, device: Device, shape: Shape, dtype: DType, value: number): T {
  let op = fills.get(dtype);
  if (!op) {
    const type = arithmeticTypeOf(dtype);
    const expr = s.cast(scalar(0, type), dtype);
    const program = makeProgram({ inputs: [], scalars: [type], reduces: [], outputs: [{ expr, role: "full" }] });
    op = makeProgramOp("full", program, false);
    fills.set(dtype, op);
  }
  return applyProgram(op, like, device, shape, [], [value])[0]!;
}
