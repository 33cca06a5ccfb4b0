// What the schedules ask about the expressions of a program.

import { type Expr, visit } from "../../kernel/expr.js";
import type { Program } from "../../kernel/program.js";

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
