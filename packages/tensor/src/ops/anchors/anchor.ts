// How an operation becomes an anchor of the graph, and the row program that gives the same result where the backend
// declines it.

import { cast } from "../../autograd/cast.js";
import { withGrad } from "../../autograd/mode.js";
import { applyProgram, makeProgramOp, type ProgramOp, type ProgramOperand } from "../../autograd/program-op.js";
import type { Variable } from "../../autograd/variable.js";
import type { AnchorCall, AnchorName, AnchorOps } from "../../backend/backend.js";
import type { DType } from "../../dtype.js";
import { maxDepth } from "../../graph/device.js";
import { Node, type NodeOp, nextOpId } from "../../graph/node.js";
import type { Expr } from "../../kernel/expr.js";
import { inputsOf, makeProgram, type ProgramInput, RowBuilder, type RowScope } from "../../kernel/program.js";
import { contiguous, type Layout, type Shape } from "../../shape.js";

const nodeOps = new Map<string, NodeOp>();

function anchorNode<K extends AnchorName>(name: K, attributes: AnchorOps[K]): NodeOp {
  const key = name + JSON.stringify(attributes);
  let op = nodeOps.get(key);
  if (!op) {
    op = { kind: "anchor", id: nextOpId(), label: name, name, attributes };
    nodeOps.set(key, op);
  }
  return op;
}

/** `compute` in float32, for a tensor of 16 bits where no anchor takes those. */
export const inFloat32 = <T extends Variable>(x: T, compute: (wide: T) => T): T =>
  cast(compute(cast(x, "float32")), x.dtype);

/** A variable and how an anchor walks over it. */
export type Laid = { readonly variable: Variable; readonly layout: Layout };

/** Records an anchor over `sizes`; undefined when the device declines it. */
export function anchor<K extends AnchorName>(
  name: K,
  attributes: AnchorOps[K],
  sizes: Shape,
  operands: readonly Laid[],
  outputs: readonly { shape: Shape; dtype: DType }[],
): readonly Variable[] | undefined {
  const like = operands[0]!.variable;
  const { device } = like;
  if (!device.supports({ op: name, attributes, rank: sizes.length } as AnchorCall)) return undefined;
  const inputs = operands.map(({ variable, layout }) => {
    if (variable.value.node.depth > maxDepth) device.realize([variable.value]);
    return { ...variable.value, layout };
  });
  const node = new Node(anchorNode(name, attributes), sizes, inputs, outputs);
  return outputs.map((o, index) =>
    like.make({ value: { node, index }, layout: contiguous(o.shape), dtype: o.dtype, device }),
  );
}

/** The same result from a row program, where a device declines the anchor; the caller records the gradient. */
export const fallback = (op: ProgramOp, like: Variable, sizes: Shape, operands: readonly ProgramOperand[]): Variable =>
  withGrad(op.label, false, () => applyProgram(op, like, like.device, sizes, operands, []))[0]!;

const rowPrograms = new Map<string, ProgramOp>();

/** An element of an operand that changes along the row. */
export const element = (type: DType): ProgramInput => ({ kind: "buffer", type, role: "full" });

/** A position: its operand's layout says on which axis. */
export const position: ProgramInput = { kind: "index", type: "int32", role: "full" };

/** The operand of a `position` on one axis of `sizes`. */
export const positionOn = (sizes: Shape, axis: number): ProgramOperand => ({
  variable: undefined,
  layout: { shape: sizes, strides: sizes.map((_, i) => +(i === axis)), offset: 0 },
});

/** A row program with one result a row, for `fallback`; one for each `key`. */
export function perRow(
  label: string,
  key: string,
  inputs: readonly ProgramInput[],
  body: (row: RowScope, ...inputs: Expr[]) => Expr,
): ProgramOp {
  let op = rowPrograms.get(label + key);
  if (!op) {
    const row = new RowBuilder();
    const expr = body(row, ...inputsOf({ inputs }));
    const program = makeProgram({ inputs, scalars: [], reduces: row.reduces, outputs: [{ expr, role: "row" }] });
    op = makeProgramOp(label, program, true);
    rowPrograms.set(label + key, op);
  }
  return op;
}
