// The identity map, one program a dtype: what moves data from one layout to another.

import type { DType } from "../dtype.js";
import { input } from "../kernel/expr.js";
import { makeProgram, type Program } from "../kernel/program.js";
import { contiguous, type Layout } from "../shape.js";
import { Node, type NodeOp, nextOpId, type Value } from "./node.js";

const programs = new Map<DType, Program>();

/** The program that copies elements of `dtype`. */
export function copyProgram(dtype: DType): Program {
  let p = programs.get(dtype);
  if (!p) {
    p = makeProgram({
      inputs: [{ kind: "buffer", type: dtype, role: "full" }],
      scalars: [],
      reduces: [],
      outputs: [{ expr: input(0, dtype, "full"), role: "full" }],
    });
    programs.set(dtype, p);
  }
  return p;
}

const copyOps = new Map<DType, NodeOp>();

/** A pending copy of a value, or of a view of it. */
export function copyOf(value: Value, layout?: Layout): Value {
  const { shape, dtype } = value.node.outputs[value.index]!;
  let op = copyOps.get(dtype);
  if (!op) {
    op = { kind: "program", id: nextOpId(), label: "copy", program: copyProgram(dtype), hasRow: false, cost: 0 };
    copyOps.set(dtype, op);
  }
  const from = layout ?? contiguous(shape);
  const node = new Node(op, from.shape, [{ ...value, layout: from }], [{ shape: from.shape, dtype }]);
  return { node, index: 0 };
}
