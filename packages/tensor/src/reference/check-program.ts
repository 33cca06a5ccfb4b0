// What makes a row program valid, as a check. Core never hands out a program that fails it; a backend need not check.

import { type DType, isHalf } from "../dtype.js";
import { unreachable } from "../errors.js";
import type { Expr } from "../kernel/expr.js";
import { type Program, variesAlongRow } from "../kernel/program.js";
import { scalarOps } from "../kernel/scalar-ops.js";

/**
 * Checks that a program is one every backend must compile.
 * @throws TensorError `internal` naming the rule that `program` breaks
 */
export function checkProgram(program: Program): void {
  const seen = new Set<Expr>();
  program.reduces.forEach((r, k) => {
    checkExpr(program, r.of, k, seen);
    if (!canSum(r.of.type)) unreachable(`program: reduction ${k} is over ${r.of.type}`);
  });
  const all = program.reduces.length;
  program.outputs.forEach((o, k) => {
    checkExpr(program, o.expr, all, seen);
    if (o.role === "row" && variesAlongRow(o.expr))
      unreachable(`program: output ${k} has role row but varies along it`);
    if (o.role === "lane" && !canSum(o.expr.type))
      unreachable(`program: output ${k} sums ${o.expr.type} over the rows`);
  });
}

// Bools and numbers of 16 bits are converted first.
const canSum = (type: DType): boolean => type !== "bool" && !isHalf(type);

/** `known` is the number of reductions that have run by then. */
function checkExpr(program: Program, e: Expr, known: number, seen: Set<Expr>): void {
  if (seen.has(e)) return;
  switch (e.kind) {
    case "input": {
      const declared = program.inputs[e.index];
      if (declared?.type !== e.type || declared.role !== e.role) {
        unreachable(
          `program: input ${e.index} is read as ${e.role} ${e.type}, declared ${declared?.role} ${declared?.type}`,
        );
      }
      break;
    }
    case "scalar":
      if (program.scalars[e.index] !== e.type) unreachable(`program: scalar ${e.index} is read as ${e.type}`);
      break;
    case "reduced":
      if (e.index >= known) unreachable(`program: reduction ${e.index} is read before it has run`);
      if (program.reduces[e.index]!.of.type !== e.type)
        unreachable(`program: reduction ${e.index} is read as ${e.type}`);
      break;
    case "apply":
      if (e.args.length !== scalarOps[e.op].arity) unreachable(`program: ${e.op} of ${e.args.length} operands`);
      if (e.args.some((a) => isHalf(a.type)) && e.op !== "cast" && e.op !== "detach")
        unreachable(`program: ${e.op} computes with numbers of 16 bits`);
      for (const a of e.args) checkExpr(program, a, known, seen);
      break;
    default:
      break;
  }
  seen.add(e);
}
