// Emits what happens in one row of the row schedule: passes of reductions, then outputs. What is the same for the whole
// row is computed once a row.

import type { Kernel } from "../../backend/backend.js";
import { unreachable } from "../../errors.js";
import { type Expr, reduced } from "../../kernel/expr.js";
import type { NumberedReduce } from "../../kernel/reductions.js";
import { type FunctionBuilder, i32 } from "../wasm/assembler.js";
import { Accumulator } from "./accumulators.js";
import type { DoubleMath } from "./double-math.js";
import { Evaluator, type Leaves } from "./evaluator.js";
import { tailMask, type Vectors, type Word } from "./lanes.js";
import type { Run } from "./memory.js";
import { Operands, readLaunchLeaf } from "./operands.js";
import { rootsOf } from "./program-shape.js";
import type { Scratch } from "./scratch.js";
import { type Parameters, type Range, walkLanes } from "./walk.js";

const level = { launch: 0, row: 1, lanes: 2 } as const;

// Turns of the main loop after which running sums are set aside, so that long sums lose no digits.
const turnsPerBlock = 128;

/** Emits the parts of a row into one function. */
export class RowEmitter {
  readonly operands: Operands;
  readonly #f: FunctionBuilder;
  readonly #kernel: Kernel;
  readonly #parameters: Parameters;
  readonly #scratch: Scratch | undefined;
  readonly #evaluator: Evaluator;
  /** Where the present run of lanes stands. */
  #cursor: { readonly at: Word; readonly run: Run } | undefined;

  /** Emits the values that are one a launch. `scratch` is there for programs that need it. */
  constructor(
    f: FunctionBuilder,
    kernel: Kernel,
    parameters: Parameters,
    scratch: Scratch | undefined,
    doubles: DoubleMath | undefined,
  ) {
    this.#f = f;
    this.#kernel = kernel;
    this.#parameters = parameters;
    this.#scratch = scratch;
    this.operands = new Operands(f, kernel, parameters, kernel.rank - 1);
    const leaves: Leaves = {
      firstVaryingLevel: level.lanes,
      levelOf: (leaf) => {
        if (leaf.kind === "reduced") return level.row;
        if (leaf.kind !== "input") return level.launch;
        return this.operands.laneAccess(leaf.index) === 0 ? level.row : level.lanes;
      },
      read: (leaf) => this.#read(leaf),
      positionOf: (i) => this.#positionOf(i),
    };
    this.#evaluator = new Evaluator(f, doubles, kernel.program, leaves);
    this.#evaluator.hoist(rootsOf(kernel.program));
  }

  /** Encloses what belongs to one row. */
  row(body: () => void): void {
    this.#evaluator.enter(undefined, body);
  }

  /** Reduces `lanes` of the row in pass number `pass`; each result is in every lane. */
  reduce(reductions: readonly NumberedReduce[], pass: number, lanes: Range): readonly Vectors[] {
    const f = this.#f;
    this.#evaluator.hoist(reductions.map((r) => r.of));
    const fours = accumulatorsFor(reductions.length);
    const sums = reductions.map((r) => new Accumulator(f, r.op, r.of.type, fours));
    const fold = () => {
      for (const sum of sums) sum.setAside();
    };
    this.#walk(lanes, pass, fold, (remaining) => {
      const mask = remaining && tailMask(f, remaining);
      reductions.forEach((r, i) => {
        const values = this.#evaluator.value(r.of);
        if (mask) sums[i]!.addMasked(values, mask);
        else sums[i]!.add(values);
      });
    });
    return sums.map((sum) => sum.total());
  }

  /** Makes the result of a reduction known. */
  define(reduction: NumberedReduce, result: Vectors): void {
    this.#evaluator.define(reduced(reduction.index, reduction.of.type), result);
  }

  /** Writes all outputs, those along `lanes` in pass number `pass`. */
  write(pass: number, lanes: Range): void {
    const { outputs } = this.#kernel.program;
    this.#evaluator.hoist(outputs.map((o) => o.expr));
    const along = outputs.map((o, k) => ({ ...o, k })).filter((o) => o.role !== "row");
    if (along.length > 0) {
      this.#walk(lanes, pass, undefined, () => {
        const { at, run } = this.#cursor!;
        const values = along.map((o) => this.#evaluator.value(o.expr));
        along.forEach((o, i) => {
          if (o.role === "lane") this.#scratch!.addToPartial(o.k, o.expr.type, at, run, values[i]!);
          else this.operands.write(o.k, this.#pointer(this.operands.operandOf(o.k)), at, values[i]!, run);
        });
      });
    }
    outputs.forEach((o, k) => {
      if (o.role !== "row") return;
      this.operands.writeOne(k, this.#pointer(this.operands.operandOf(k)), this.#evaluator.value(o.expr));
    });
  }

  // One pass over the row; values kept from earlier passes are read, values to keep for later ones are written.
  #walk(lanes: Range, pass: number, fold: (() => void) | undefined, body: (remaining: Word | undefined) => void): void {
    const stashed = this.#scratch?.stashed ?? [];
    const evaluator = this.#evaluator;
    const block = fold && { turns: turnsPerBlock, after: fold };
    walkLanes(this.#f, lanes, block, (at, fours, remaining) => {
      const run: Run = remaining ? { fours, remaining } : { fours };
      this.#cursor = { at, run };
      evaluator.enter(run, () => {
        for (const s of stashed) if (s.into.has(pass)) evaluator.define(s.expr, this.#scratch!.fetch(s, at, run));
        body(remaining);
        for (const s of stashed) if (s.from === pass) this.#scratch!.keep(s, at, run, evaluator.value(s.expr));
      });
    });
  }

  #read(leaf: Expr): Vectors {
    if (leaf.kind !== "input") return readLaunchLeaf(this.#f, this.#parameters, leaf);
    const pointer = this.#pointer(leaf.index);
    if (this.operands.laneAccess(leaf.index) === 0) return this.operands.readRepeated(leaf.index, pointer);
    const { at, run } = this.#cursor ?? unreachable("an operand read outside the lanes");
    return this.operands.read(leaf.index, pointer, at, run);
  }

  #positionOf(i: number): Word | undefined {
    const counts = this.#kernel.program.inputs[i]!.kind === "index" && this.operands.laneAccess(i) === 1;
    return counts ? this.#f.local("i32", i32.add(this.#pointer(i), this.#cursor!.at)) : undefined;
  }

  #pointer(operand: number): Word {
    return this.operands.pointers[operand]!;
  }
}

// Enough accumulators to hide latency, few enough to stay in registers.
const accumulatorsFor = (reductions: number): number => (reductions <= 2 ? 4 : reductions <= 4 ? 2 : 1);
