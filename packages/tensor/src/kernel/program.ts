// A row program: what one fused kernel computes. The iteration space is [outer…, row]; reductions run along the row,
// in order, each free to use the results of earlier ones. A map has none. Strides are not part of it: operands are
// addressed at launch, stride 0 repeats.

import type { DType } from "../dtype.js";
import { type Expr, input, type Role, reduced, rewrite, visit } from "./expr.js";

/** How a reduction joins two values. Identities: 0, 1, −∞ (or the least integer), +∞ (or the greatest). */
export type ReduceOp = "sum" | "prod" | "max" | "min";

/** One reduction along the row. */
export type Reduce = { readonly op: ReduceOp; readonly of: Expr };

/**
 * An operand. `buffer` is read from memory. `index` has no memory: its value is the address itself, so that
 * offset 0 and stride 1 along an axis give the position on that axis.
 */
export type ProgramInput = { readonly kind: "buffer" | "index"; readonly type: DType; readonly role: Role };

/** A result. Role `lane` means the sum over all rows. Its stored type is the expression's. */
export type ProgramOutput = { readonly expr: Expr; readonly role: Role };

/** What a kernel computes: operands, launch scalars, reductions in order, outputs. */
export type Program = {
  readonly inputs: readonly ProgramInput[];
  /** Types of the numbers given at launch. */
  readonly scalars: readonly DType[];
  readonly reduces: readonly Reduce[];
  readonly outputs: readonly ProgramOutput[];
  /** Identity: two programs with one key compute the same. */
  readonly key: string;
};

const letters = { full: "f", row: "r", lane: "l" } as const;

/** Makes a program and its key. Unused reductions are dropped and the rest renumbered; inputs stay as they are. */
export function makeProgram(draft: Omit<Program, "key">): Program {
  const keep = new Set<number>();
  const mark = (e: Expr): void =>
    visit(e, seen, (x) => {
      if (x.kind === "reduced" && !keep.has(x.index)) {
        keep.add(x.index);
        mark(draft.reduces[x.index]!.of);
      }
    });
  const seen = new Set<Expr>();
  for (const o of draft.outputs) mark(o.expr);
  const { reduces, place } = compactReduces(draft.reduces, keep);
  const memo = new Map<Expr, Expr>();
  const outputs = draft.outputs.map((o) => ({ role: o.role, expr: rewrite(o.expr, place, memo) }));
  const key = [
    draft.inputs.map((x) => `${x.kind[0]}${x.type}${letters[x.role]}`).join(),
    draft.scalars.join(),
    reduces.map((r) => `${r.op}${r.of.id}`).join(),
    outputs.map((o) => `${letters[o.role]}${o.expr.id}`).join(),
  ].join("|");
  return { inputs: draft.inputs, scalars: draft.scalars, reduces, outputs, key };
}

// Equal reductions become one; indices are rewritten in the ones that follow.
function compactReduces(all: readonly Reduce[], keep: ReadonlySet<number>) {
  const reduces: Reduce[] = [];
  const indexOf = new Map<number, number>();
  const known = new Map<string, number>();
  const place = (e: Expr): Expr => (e.kind === "reduced" ? reduced(indexOf.get(e.index)!, e.type) : e);
  for (let i = 0; i < all.length; i++) {
    if (!keep.has(i)) continue;
    const of = rewrite(all[i]!.of, place, new Map());
    const key = `${all[i]!.op}${of.id}`;
    let at = known.get(key);
    if (at === undefined) {
      at = reduces.push({ op: all[i]!.op, of }) - 1;
      known.set(key, at);
    }
    indexOf.set(i, at);
  }
  return { reduces, place };
}

/** The program over the inputs it reads alone; `reads[j]` is where its input j was. */
export function withoutUnreadInputs(p: Program): { readonly program: Program; readonly reads: readonly number[] } {
  const used = new Set<number>();
  const seen = new Set<Expr>();
  const note = (e: Expr): void => {
    if (e.kind === "input") used.add(e.index);
  };
  for (const x of [...p.reduces.map((r) => r.of), ...p.outputs.map((o) => o.expr)]) visit(x, seen, note);
  const reads = p.inputs.map((_, i) => i).filter((i) => used.has(i));
  const memo = new Map<Expr, Expr>();
  const place = (e: Expr): Expr => (e.kind === "input" ? input(reads.indexOf(e.index), e.type, e.role) : e);
  const program = makeProgram({
    inputs: reads.map((i) => p.inputs[i]!),
    scalars: p.scalars,
    reduces: p.reduces.map((r) => ({ op: r.op, of: rewrite(r.of, place, memo) })),
    outputs: p.outputs.map((o) => ({ role: o.role, expr: rewrite(o.expr, place, memo) })),
  });
  return { program, reads };
}

/** What an op body along a row may use beside its operands. */
export type RowScope = {
  sum(of: Expr): Expr;
  prod(of: Expr): Expr;
  max(of: Expr): Expr;
  min(of: Expr): Expr;
};

/** Collects the reductions of a program while its body runs. */
export class RowBuilder implements RowScope {
  readonly reduces: Reduce[] = [];
  sum(of: Expr): Expr {
    return this.#push("sum", of);
  }
  prod(of: Expr): Expr {
    return this.#push("prod", of);
  }
  max(of: Expr): Expr {
    return this.#push("max", of);
  }
  min(of: Expr): Expr {
    return this.#push("min", of);
  }
  #push(op: ReduceOp, of: Expr): Expr {
    return reduced(this.reduces.push({ op, of }) - 1, of.type);
  }
}

/** Whether a program's expression changes along the row. Reductions do not; `input` and positions may. */
export function variesAlongRow(e: Expr, memo: Map<Expr, boolean> = new Map()): boolean {
  const known = memo.get(e);
  if (known !== undefined) return known;
  let varies = e.kind === "input" && e.role !== "row";
  if (e.kind === "apply") for (const a of e.args) varies = variesAlongRow(a, memo) || varies;
  memo.set(e, varies);
  return varies;
}

/** The operand expressions of a program, in order. */
export const inputsOf = (p: Pick<Program, "inputs">): Expr[] => p.inputs.map((x, i) => input(i, x.type, x.role));
