// The gradient of a row program is a row program: reverse mode over its expressions and reductions.

import { arithmeticTypeOf, isFloat } from "../dtype.js";
import { unreachable } from "../errors.js";
import { constant, type Expr, input, reduced } from "./expr.js";
import {
  inputsOf,
  makeProgram,
  type Program,
  type ProgramInput,
  type ProgramOutput,
  type Reduce,
  variesAlongRow,
} from "./program.js";
import * as s from "./scalar.js";
import { scalarGradients } from "./scalar-gradients.js";

/**
 * The program that computes the gradients of the inputs `wrt` from the inputs of `program`, followed by the gradient
 * of each output in `given` (with that output's role). Results come in the order of `wrt`, each with its input's role:
 * an input that every row shares (`lane`) gets the sum over the rows, in the type that sums are computed in: float32 for
 * an input of 16 bits.
 */
export function differentiate(program: Program, wrt: readonly number[], given: readonly number[]): Program {
  const reduces: Reduce[] = [...program.reduces];
  const inputs: ProgramInput[] = [...program.inputs];
  const adjoint = new Map<Expr, Expr>(); // one value a lane; `settle` sums it where the expression is constant along the row
  const rowSums = new Map<Expr, Expr>(); // adjoint of a value that is constant along the row, already summed along it
  const varies = new Map<Expr, boolean>();
  const into = (map: Map<Expr, Expr>, e: Expr, g: Expr): void => {
    const before = map.get(e);
    map.set(e, before ? s.add(before, g) : g);
  };
  const push = (op: Reduce["op"], of: Expr): Expr => reduced(reduces.push({ op, of }) - 1, of.type);

  const order = topological(program);
  for (const k of given) {
    const o = program.outputs[k]!;
    const stored = input(inputs.length, o.expr.type, o.role);
    inputs.push({ kind: "buffer", type: o.expr.type, role: o.role });
    const dy = s.cast(stored, arithmeticTypeOf(stored.type));
    if (o.role === "row") into(rowSums, o.expr, dy);
    else into(adjoint, o.expr, dy);
  }
  for (let i = order.length - 1; i >= 0; i--) {
    const e = order[i]!;
    const g = settle(e);
    if (!g) continue;
    if (e.kind === "apply") {
      const [a, b, c] = e.args;
      const partials = scalarGradients[e.op](g, [a!, b!, c!], e);
      for (let j = 0; j < e.args.length; j++) {
        const d = partials[j];
        if (d && isFloat(d.type)) into(variesAlongRow(e, varies) ? adjoint : rowSums, e.args[j]!, d);
      }
    } else if (e.kind === "reduced") {
      const r = program.reduces[e.index]!;
      into(adjoint, r.of, reduceGradient(r, e, g, push));
    }
  }
  const outputs = wrt.map((i): ProgramOutput => {
    const x = inputsOf(program)[i]!;
    if (!isFloat(x.type)) unreachable(`gradient of a ${x.type} input`);
    const { role } = program.inputs[i]!;
    const g = settle(x) ?? constant(0, arithmeticTypeOf(x.type));
    return { role, expr: role === "lane" ? g : s.cast(g, x.type) };
  });
  return makeProgram({ inputs, scalars: program.scalars, reduces, outputs });

  /** The whole adjoint of `e`, at its own level. */
  function settle(e: Expr): Expr | undefined {
    const lane = adjoint.get(e);
    const row = rowSums.get(e);
    if (!lane || variesAlongRow(e, varies)) return lane ?? row;
    const total = push("sum", lane);
    const all = row ? s.add(row, total) : total;
    adjoint.delete(e);
    rowSums.set(e, all);
    return all;
  }
}

/** d(reduction)/d(element) applied to g. Ties of a maximum share evenly; a product of zeros is handled exactly. */
function reduceGradient(r: Reduce, y: Expr, g: Expr, push: (op: Reduce["op"], of: Expr) => Expr): Expr {
  const x = r.of;
  const one = constant(1, x.type);
  const zero = constant(0, x.type);
  switch (r.op) {
    case "sum":
      return g;
    case "max":
    case "min": {
      const ties = push("sum", s.select(s.eq(x, y), one, zero));
      return s.select(s.eq(x, y), s.div(g, ties), zero);
    }
    case "prod": {
      const isZero = s.eq(x, 0);
      const zeros = push("sum", s.select(isZero, one, zero));
      const others = push("prod", s.select(isZero, one, x));
      const byDivision = s.select(isZero, zero, s.div(s.mul(g, y), x));
      return s.select(s.eq(zeros, 0), byDivision, s.select(s.and(s.eq(zeros, 1), isZero), s.mul(g, others), zero));
    }
  }
}

/** Expressions of the outputs and of every reduction they use, operands first. */
function topological(p: Program): Expr[] {
  const order: Expr[] = [];
  const seen = new Set<Expr>();
  const go = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind === "apply") for (const a of e.args) go(a);
    if (e.kind === "reduced") go(p.reduces[e.index]!.of);
    order.push(e);
  };
  for (const o of p.outputs) go(o.expr);
  return order;
}
