// Which values of a row are worth keeping in scratch memory from one pass to a later one, instead of computing them
// again: a stored value costs about two units, an exponential ten.

import { type Expr, visit } from "../../kernel/expr.js";
import { type Program, variesAlongRow } from "../../kernel/program.js";
import { reducePasses } from "../../kernel/reductions.js";
import { scalarOps } from "../../kernel/scalar-ops.js";

/** A value kept: written in pass `from`, read in the passes `into`. The pass after the last reduction writes outputs. */
export type Stashed = { readonly expr: Expr; readonly from: number; readonly into: ReadonlySet<number> };

// Units of `scalarOps[…].cost` that must be saved.
const worthwhile = 10;
const mostStashed = 4;

/** The values to keep, the same for every size. */
export function stashedValues(program: Program): readonly Stashed[] {
  const varies = new Map<Expr, boolean>();
  const passes = reducePasses(program).map((pass) => pass.map((r) => r.of));
  passes.push(program.outputs.filter((o) => o.role !== "row").map((o) => o.expr));
  const firstPass = new Map<Expr, number>();
  const kept = new Map<Expr, { readonly expr: Expr; readonly from: number; readonly into: Set<number> }>();
  passes.forEach((roots, pass) => {
    const seen = new Set<Expr>();
    const need = (e: Expr): void => {
      if (seen.has(e) || e.kind !== "apply" || !variesAlongRow(e, varies)) return;
      seen.add(e);
      const from = firstPass.get(e) ?? pass;
      const known = kept.get(e);
      if (known) known.into.add(pass);
      else if (from < pass && kept.size < mostStashed && costOf(e, varies) >= worthwhile) {
        kept.set(e, { expr: e, from, into: new Set([pass]) });
      } else {
        firstPass.set(e, from);
        e.args.forEach(need);
      }
    };
    roots.forEach(need);
  });
  return [...kept.values()];
}

// What computing `e` for one element costs, beside what is constant along the row.
function costOf(e: Expr, varies: Map<Expr, boolean>): number {
  let cost = 0;
  visit(e, new Set(), (x) => {
    if (x.kind === "apply" && variesAlongRow(x, varies)) cost += scalarOps[x.op].cost;
  });
  return cost;
}
