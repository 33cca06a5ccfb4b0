// A kernel's scratch memory: for every output of role `lane` one row of partial sums a thread, then for every thread
// the rows of values it keeps from one pass to the next. Rows end with room for a whole run, so lanes past the end may
// be written.

import { byteLengthOf, type DType } from "../../dtype.js";
import type { Program } from "../../kernel/program.js";
import { type FunctionBuilder, i32 } from "../wasm/assembler.js";
import { joinVectors } from "./accumulators.js";
import { each, shiftOf, type Vectors, type Word } from "./lanes.js";
import { loadDense, type Run, storeDense } from "./memory.js";
import { type Stashed, stashedValues } from "./stash.js";
import { mainRun, type Parameters } from "./walk.js";

/** What a kernel needs of scratch memory: rows of lanes, so many a thread, of elements of `unit` bytes. */
export type ScratchNeed = { readonly rows: number; readonly unit: number };

/** The scratch memory of a program under the row schedule. */
export function scratchNeed(program: Program): ScratchNeed {
  const kept = [...program.outputs.filter((o) => o.role === "lane"), ...stashedValues(program)];
  return { rows: kept.length, unit: Math.max(0, ...kept.map((x) => byteLengthOf(x.expr.type))) };
}

/** Bytes of one row of `laneCount` lanes. */
export const scratchPitch = ({ unit }: ScratchNeed, laneCount: number): number =>
  Math.ceil(laneCount / mainRun) * mainRun * unit;

/** One thread's part of the scratch memory. */
export class Scratch {
  readonly stashed: readonly Stashed[];
  readonly #f: FunctionBuilder;
  /** Addresses of rows: by output, and by stashed value. */
  readonly #partials = new Map<number, Word>();
  readonly #rows = new Map<Stashed, Word>();

  /** Emits the addresses, and sets the thread's partial sums to 0. */
  constructor(f: FunctionBuilder, program: Program, parameters: Parameters, thread: Word, threads: Word) {
    this.#f = f;
    this.stashed = stashedValues(program);
    const summed = program.outputs.flatMap((o, k) => (o.role === "lane" ? [k] : []));
    if (summed.length + this.stashed.length === 0) return;
    const pitch = parameters.header("scratchPitch");
    const next = f.local("i32", i32.add(parameters.header("scratch"), i32.mul(thread, pitch)));
    for (const k of summed) {
      const row = f.local("i32", next);
      f.memoryFill(row, 0, pitch);
      this.#partials.set(k, row);
      f.increment(next, i32.mul(threads, pitch));
    }
    f.increment(next, i32.mul(i32.mul(thread, pitch), this.stashed.length - 1));
    for (const s of this.stashed) {
      this.#rows.set(s, f.local("i32", next));
      f.increment(next, pitch);
    }
  }

  /** Adds values to the partial sums of output `k`. */
  addToPartial(k: number, type: DType, at: Word, { fours }: Run, values: Vectors): void {
    const address = this.#place(this.#partials.get(k)!, type, at);
    const before = loadDense(this.#f, type, address, { fours });
    storeDense(this.#f, type, address, each(this.#f, [before, values], joinVectors("sum", type)), { fours });
  }

  /** Writes a value that a later pass reads. */
  keep(s: Stashed, at: Word, { fours }: Run, values: Vectors): void {
    storeDense(this.#f, s.expr.type, this.#place(this.#rows.get(s)!, s.expr.type, at), values, { fours });
  }

  /** Reads a value of an earlier pass. */
  fetch(s: Stashed, at: Word, { fours }: Run): Vectors {
    return loadDense(this.#f, s.expr.type, this.#place(this.#rows.get(s)!, s.expr.type, at), { fours });
  }

  #place(row: Word, type: DType, at: Word): Word {
    return this.#f.local("i32", i32.add(row, i32.shl(at, shiftOf(type))));
  }
}
