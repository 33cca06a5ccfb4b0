// What the schedules ask about a program: which reductions can share a pass, which operands exist.

import { type Expr, visit } from "../../kernel/expr.js";
import type { Program, Reduce } from "../../kernel/program.js";

/** A reduction and its number in the program. */
export type NumberedReduce = Reduce & { readonly index: number };

/** The reductions in passes: those of one pass do not depend on each other, only on earlier passes. */
export function reducePasses(program: Program): readonly (readonly NumberedReduce[])[] {
  const passOf: number[] = [];
  const passes: NumberedReduce[][] = [];
  program.reduces.forEach((reduce, index) => {
    let pass = 0;
    visit(reduce.of, new Set(), (e) => {
      if (e.kind === "reduced") pass = Math.max(pass, passOf[e.index]! + 1);
    });
    passOf[index] = pass;
    if (pass === passes.length) passes.push([]);
    passes[pass]!.push({ ...reduce, index });
  });
  return passes;
}

/** Every expression the program computes. */
export const rootsOf = (program: Program): readonly Expr[] => [
  ...program.reduces.map((r) => r.of),
  ...program.outputs.map((o) => o.expr),
];

/** Whether any expression of the program satisfies `test`. */
export function someExpr(program: Program, test: (e: Expr) => boolean): boolean {
  let found = false;
  const seen = new Set<Expr>();
  for (const root of rootsOf(program)) {
    visit(root, seen, (e) => {
      found ||= test(e);
    });
  }
  return found;
}
