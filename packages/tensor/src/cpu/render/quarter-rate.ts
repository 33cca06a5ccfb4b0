// Values that change with every fourth element only: what is computed from `position >> 2`, as the words of a
// counter-based generator are. A run of 16 elements needs four of them, one vector's worth, instead of four vectors.

import type { Expr } from "../../kernel/expr.js";
import { scalarOps } from "../../kernel/scalar-ops.js";
import { type FunctionBuilder, i32, i32x4, type Local, type Operand, v128 } from "../wasm/assembler.js";
import type { Vectors, Word } from "./lanes.js";

// Units of `scalarOps[…].cost` from which it pays.
const worthwhile = 20;

/** Which expressions have quarter rate, and by which input (which may turn out to be no position). */
export class QuarterRates {
  readonly #positions = new Map<Expr, number | undefined>();
  readonly #varies: (e: Expr) => boolean;

  /** `varies` tells what changes along the lanes. */
  constructor(varies: (e: Expr) => boolean) {
    this.#varies = varies;
  }

  /** The input whose quarter an expression follows, if it does and saves enough. */
  positionOf(e: Expr): number | undefined {
    return this.#isWorthwhile(e) ? this.#find(e) : undefined;
  }

  #find(e: Expr): number | undefined {
    if (this.#positions.has(e)) return this.#positions.get(e);
    const found = this.#search(e);
    this.#positions.set(e, found);
    return found;
  }

  #search(e: Expr): number | undefined {
    if (e.kind !== "apply" || e.type !== "uint32") return undefined;
    const [first] = e.args;
    if (isQuarterOf(e) && first!.kind === "input") return first.index;
    let position: number | undefined;
    for (const a of e.args) {
      if (!this.#varies(a)) continue;
      const own = this.#find(a);
      if (own === undefined || (position !== undefined && own !== position)) return undefined;
      position = own;
    }
    return position;
  }

  #isWorthwhile(e: Expr): boolean {
    let cost = 0;
    const seen = new Set<Expr>();
    const count = (x: Expr): void => {
      if (x.kind !== "apply" || seen.has(x) || cost >= worthwhile) return;
      seen.add(x);
      cost += scalarOps[x.op].cost;
      x.args.forEach(count);
    };
    count(e);
    return cost >= worthwhile;
  }
}

/** Whether an expression is `position >> 2` of an input. */
export const isQuarterOf = (e: Expr): boolean =>
  e.kind === "apply" &&
  e.type === "uint32" &&
  e.op === "shiftRight" &&
  e.args[0]!.kind === "input" &&
  e.args[1]!.kind === "const" &&
  e.args[1]!.value === 2;

/** Four consecutive quarters in one vector. */
export const quartersFrom = (f: FunctionBuilder, first: Operand<"i32">): Vectors => [
  f.local("v128", i32x4.add(i32x4.splat(first), f.constants.i32x4(0, 1, 2, 3))),
];

/**
 * The values of 16 elements from those of their quarters. `position` is that of the first element: where it is no
 * multiple of four, a fifth quarter is needed, which `next` emits as the first lane of a vector.
 */
export function spreadQuarters(
  f: FunctionBuilder,
  position: Word,
  quarters: Local<"v128">,
  next: () => Local<"v128">,
): Vectors {
  const lanes = [0, 1, 2, 3] as const;
  const spread = (vector: Local<"v128">, lane: 0 | 1 | 2 | 3) =>
    i32x4.shuffle(vector, vector, [lane, lane, lane, lane]);
  const out = lanes.map(() => f.local("v128"));
  const offset = f.local("i32", i32.and(position, 3));
  f.if(
    offset,
    () => {
      const fifth = next();
      // Lanes that have passed on to the next quarter.
      const passed = f.local("v128", i32x4.gtS(f.constants.i32x4(1, 2, 3, 4), i32x4.splat(i32.sub(4, offset))));
      lanes.forEach((k) => {
        const following = k === 3 ? spread(fifth, 0) : spread(quarters, (k + 1) as 1 | 2 | 3);
        f.set(out[k]!, v128.bitselect(following, spread(quarters, k), passed));
      });
    },
    () => lanes.forEach((k) => f.set(out[k]!, spread(quarters, k))),
  );
  return out;
}
