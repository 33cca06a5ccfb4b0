// Programs as text, one line a step, for messages about failures.

import { type Expr, type Program, visit } from "@torchium/tensor/backend";

/** The steps of a program, shared parts named once. */
export function formatProgram(program: Program): string {
  const lines = program.inputs.map(
    ({ kind, type, role }, i) => `x${i}: ${kind === "index" ? "index " : ""}${type} ${role}`,
  );
  program.scalars.forEach((type, i) => lines.push(`s${i}: ${type}`));
  const names = new Map<Expr, string>();
  const seen = new Set<Expr>();
  const name = (root: Expr): string => {
    visit(root, seen, (e) => {
      if (e.kind !== "apply") return void names.set(e, leafName(e));
      const call = `${e.op}${e.op === "cast" ? ` to ${e.type}` : ""}(${e.args.map((a) => names.get(a)).join(", ")})`;
      const local = `t${lines.length}`;
      lines.push(`${local} = ${call}`);
      names.set(e, local);
    });
    return names.get(root)!;
  };
  program.reduces.forEach(({ op, of }, i) => {
    const operand = name(of);
    lines.push(`r${i} = ${op} along the row of ${operand}`);
  });
  program.outputs.forEach(({ expr, role }, i) => {
    const value = name(expr);
    lines.push(`y${i}: ${expr.type} ${role} = ${value}`);
  });
  return lines.join("\n");
}

function leafName(e: Exclude<Expr, { readonly kind: "apply" }>): string {
  switch (e.kind) {
    case "const":
      return `${Object.is(e.value, -0) ? "-0" : e.value}`;
    case "input":
      return `x${e.index}`;
    case "scalar":
      return `s${e.index}`;
    case "reduced":
      return `r${e.index}`;
    case "rowSize":
      return "rowSize";
  }
}
