// Which expressions are never above 0, whatever the operands: where the exponential needs no care for overflow. A NaN
// may be anywhere.

import type { Expr } from "../../kernel/expr.js";
import type { Program } from "../../kernel/program.js";

/** Whether `e` is ≤ 0 or NaN. */
export function isNonPositive(e: Expr, program: Program): boolean {
  if (e.kind === "const") return e.value <= 0;
  if (e.kind !== "apply") return false;
  const [a, b, c] = e.args as [Expr, Expr, Expr];
  switch (e.op) {
    case "neg":
      return isNonNegative(a);
    case "sub":
      return isAtLeast(b, a, program);
    case "mul":
      return (isNonPositive(a, program) && isNonNegative(b)) || (isNonNegative(a) && isNonPositive(b, program));
    case "select":
      return isNonPositive(b, program) && isNonPositive(c, program);
    case "min":
      return isNonPositive(a, program) || isNonPositive(b, program);
    case "detach":
      return isNonPositive(a, program);
    default:
      return false;
  }
}

function isNonNegative(e: Expr): boolean {
  if (e.kind === "const") return e.value >= 0;
  if (e.kind !== "apply") return false;
  const [a, b] = e.args as [Expr, Expr];
  if (e.op === "mul") return a === b || (isNonNegative(a) && isNonNegative(b));
  return e.op === "abs" || e.op === "exp" || e.op === "sqrt";
}

// Whether `e` is the largest of a row that holds `x`, or something larger.
function isAtLeast(e: Expr, x: Expr, program: Program): boolean {
  if (e.kind === "reduced") {
    const { op, of } = program.reduces[e.index]!;
    return op === "max" && of === x;
  }
  if (e.kind !== "apply") return false;
  if (e.op === "max") return e.args.some((a) => isAtLeast(a, x, program));
  return e.op === "detach" && isAtLeast(e.args[0]!, x, program);
}
