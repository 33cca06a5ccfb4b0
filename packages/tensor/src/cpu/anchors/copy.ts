// Moves a result to where it should lie, for anchors that can write some layouts only.

import type { Kernel } from "../../backend/backend.js";
import { kernelOf } from "../../backend/kernel-geometry.js";
import type { DType } from "../../dtype.js";
import { input } from "../../kernel/expr.js";
import { makeProgram } from "../../kernel/program.js";

/** The kernel that copies an array of `sizes` from one layout to another. */
export function copyKernel(
  type: DType,
  sizes: readonly number[],
  from: readonly number[],
  to: readonly number[],
): Kernel {
  const program = makeProgram({
    inputs: [{ kind: "buffer", type, role: "full" }],
    scalars: [],
    reduces: [],
    outputs: [{ expr: input(0, type, "full"), role: "full" }],
  });
  return kernelOf(program, { sizes: [...sizes], strides: [[...from], [...to]] });
}
