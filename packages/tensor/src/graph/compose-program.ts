// From a laid-out group to one row program: fusion is substitution of expressions for operands.

import { unreachable } from "../errors.js";
import { constant, type Expr, input, type Role, reduced, rewrite, scalar } from "../kernel/expr.js";
import { makeProgram, type Program, type ProgramInput, type ProgramOutput, type Reduce } from "../kernel/program.js";
import type { Group, GroupLayout } from "./group.js";

/** The program of a group. With an anchor among the members, input 0 is the anchor's result. */
export type Composed = {
  readonly program: Program;
  /** Which scalar of which member each of the program's scalars is. */
  readonly scalars: readonly { readonly member: number; readonly index: number }[];
};

/** Composes the members of a group along the wiring of its layout. */
export function composeProgram(group: Group, layout: GroupLayout): Composed {
  const anchor = group.members.findIndex((m) => m.op.kind === "anchor");
  const shift = anchor >= 0 ? 1 : 0;
  const inputs: ProgramInput[] = layout.externals.map((e) => ({
    kind: e.node ? "buffer" : "index",
    type: e.type,
    role: e.rowConstant ? "row" : "full",
  }));
  if (shift) inputs.unshift({ kind: "buffer", type: group.members[anchor]!.outputs[0]!.dtype, role: "full" });
  const reduces: Reduce[] = [];
  const scalars: Composed["scalars"][number][] = [];
  const scalarTypes: Program["scalars"][number][] = [];
  const scalarBase = new Map<number, number>();
  const values: (readonly Expr[])[] = [];
  const roles: (readonly Role[])[] = [];

  for (const instance of layout.instances) {
    const m = group.members[instance.member]!;
    if (m.op.kind === "anchor") {
      values.push([input(0, m.outputs[0]!.dtype, "full")]);
      roles.push(["full"]);
      continue;
    }
    if (m.op.kind !== "program") return unreachable(`a ${m.op.kind} inside a fused group`);
    const { program } = m.op;
    let base = scalarBase.get(instance.member);
    if (base === undefined) {
      base = scalars.length;
      scalarBase.set(instance.member, base);
      program.scalars.forEach((type, index) => {
        scalars.push({ member: instance.member, index });
        scalarTypes.push(type);
      });
    }
    const operands = instance.wires.map((w) => {
      if (w.kind === "instance") return values[w.instance]![w.output]!;
      const x = inputs[w.operand + shift]!;
      return input(w.operand + shift, x.type, x.role);
    });
    const firstReduce = reduces.length;
    const memo = new Map<Expr, Expr>();
    const place = (e: Expr): Expr => {
      if (e.kind === "input") return operands[e.index]!;
      if (e.kind === "scalar") return scalar(base + e.index, e.type);
      if (e.kind === "reduced") return reduced(firstReduce + e.index, e.type);
      if (e.kind === "const") return constant(e.value, e.type);
      return e;
    };
    for (const r of program.reduces) reduces.push({ op: r.op, of: rewrite(r.of, place, memo) });
    values.push(program.outputs.map((o) => rewrite(o.expr, place, memo)));
    roles.push(
      program.outputs.map((o) => (m.op.kind === "program" && m.op.hasRow ? o.role : instance.perRow ? "row" : "full")),
    );
  }
  const outputs = layout.exports.map(
    (e): ProgramOutput => ({ expr: values[e.instance]![e.output]!, role: roles[e.instance]![e.output]! }),
  );
  return { program: makeProgram({ inputs, scalars: scalarTypes, reduces, outputs }), scalars };
}
