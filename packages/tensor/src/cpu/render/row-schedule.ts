// The row schedule: vectors run along the row. Each pass of reductions walks the row once; values that are the same
// for the whole row are computed once a row. Outputs of role `lane` are summed per thread in scratch memory and joined,
// in the order of the threads, by a second function.

import type { Kernel } from "../../backend/backend.js";
import { unreachable } from "../../errors.js";
import { type Expr, reduced } from "../../kernel/expr.js";
import type { Program } from "../../kernel/program.js";
import { type FunctionBuilder, i32, type ModuleBuilder } from "../wasm/assembler.js";
import { Accumulator } from "./accumulators.js";
import type { DoubleMath } from "./double-math.js";
import { Evaluator, type Leaves } from "./evaluator.js";
import { shiftOf, tailMask, type Vectors, type Word } from "./lanes.js";
import { loadDense, type Run } from "./memory.js";
import { Operands, readLaunchLeaf } from "./operands.js";
import type { ParameterLayout } from "./parameters.js";
import { type NumberedReduce, reducePasses, rootsOf } from "./program-shape.js";
import { Scratch } from "./scratch.js";
import { kernelParams, Parameters, type Range, shareOf, takeShares, walkLanes, walkOuter } from "./walk.js";

const level = { launch: 0, row: 1, lanes: 2 } as const;

/** Where a run of lanes stands. */
type Cursor = { at: Word; run: Run };

/** Emits the kernel's function, exported as `run`. */
export function emitRowSchedule(
  module: ModuleBuilder,
  kernel: Kernel,
  layout: ParameterLayout,
  doubles: DoubleMath | undefined,
): void {
  module.function({ params: kernelParams, export: "run" }, (f, { params, thread, threads }) => {
    const parameters = new Parameters(f, params, layout);
    const operands = new Operands(f, kernel, parameters, kernel.rank - 1);
    const shares = takeShares(f, parameters, thread, threads);
    const scratch = new Scratch(f, kernel.program, parameters, thread, threads);
    const row = new RowEmitter(f, kernel.program, operands, parameters, scratch, doubles);
    row.emitLaunchValues();
    walkOuter(f, parameters, shares.outer, operands.pointers, () => row.emitRow(shares.lanes));
  });
}

class RowEmitter {
  readonly #f: FunctionBuilder;
  readonly #program: Program;
  readonly #operands: Operands;
  readonly #scratch: Scratch;
  readonly #evaluator: Evaluator;
  #cursor: Cursor | undefined;

  constructor(
    f: FunctionBuilder,
    program: Program,
    operands: Operands,
    parameters: Parameters,
    scratch: Scratch,
    doubles: DoubleMath | undefined,
  ) {
    this.#f = f;
    this.#program = program;
    this.#operands = operands;
    this.#scratch = scratch;
    const leaves: Leaves = {
      firstVaryingLevel: level.lanes,
      levelOf: (leaf) => {
        if (leaf.kind === "reduced") return level.row;
        if (leaf.kind !== "input") return level.launch;
        return operands.laneAccess(leaf.index) === 0 ? level.row : level.lanes;
      },
      read: (leaf) => this.#read(leaf, parameters),
    };
    this.#evaluator = new Evaluator(f, doubles, leaves);
  }

  emitLaunchValues(): void {
    this.#evaluator.hoist(rootsOf(this.#program));
  }

  emitRow(lanes: Range): void {
    const program = this.#program;
    this.#evaluator.enter(undefined, () => {
      const passes = reducePasses(program);
      passes.forEach((reductions, pass) => this.#emitReductions(reductions, pass, lanes));
      this.#evaluator.hoist(program.outputs.map((o) => o.expr));
      this.#emitLaneOutputs(passes.length, lanes);
      program.outputs.forEach((o, k) => {
        if (o.role !== "row") return;
        this.#operands.writeOne(k, this.#pointer(this.#operands.operandOf(k)), this.#evaluator.value(o.expr));
      });
    });
  }

  #emitReductions(reductions: readonly NumberedReduce[], pass: number, lanes: Range): void {
    const f = this.#f;
    this.#evaluator.hoist(reductions.map((r) => r.of));
    const fours = accumulatorsFor(reductions.length);
    const sums = reductions.map((r) => new Accumulator(f, r.op, r.of.type, fours));
    this.#walk(lanes, pass, (remaining) => {
      const mask = remaining && tailMask(f, remaining);
      reductions.forEach((r, i) => {
        const values = this.#evaluator.value(r.of);
        if (mask) sums[i]!.addMasked(values, mask);
        else sums[i]!.add(values);
      });
    });
    reductions.forEach((r, i) => this.#evaluator.define(reduced(r.index, r.of.type), sums[i]!.total()));
  }

  #emitLaneOutputs(pass: number, lanes: Range): void {
    const outputs = this.#program.outputs.map((o, k) => ({ ...o, k })).filter((o) => o.role !== "row");
    if (outputs.length === 0) return;
    this.#walk(lanes, pass, () => {
      const { at, run } = this.#cursor!;
      const values = outputs.map((o) => this.#evaluator.value(o.expr));
      outputs.forEach((o, i) => {
        if (o.role === "lane") this.#scratch.addToPartial(o.k, o.expr.type, at, run, values[i]!);
        else this.#operands.write(o.k, this.#pointer(this.#operands.operandOf(o.k)), at, values[i]!, run);
      });
    });
  }

  // One pass over the row; values kept from earlier passes are read, values to keep for later ones are written.
  #walk(lanes: Range, pass: number, body: (remaining: Word | undefined) => void): void {
    const { stashed } = this.#scratch;
    const evaluator = this.#evaluator;
    walkLanes(this.#f, lanes, (at, fours, remaining) => {
      const run: Run = remaining ? { fours, remaining } : { fours };
      this.#cursor = { at, run };
      evaluator.enter(run, () => {
        for (const s of stashed) if (s.into.has(pass)) evaluator.define(s.expr, this.#scratch.fetch(s, at, run));
        body(remaining);
        for (const s of stashed) if (s.from === pass) this.#scratch.keep(s, at, run, evaluator.value(s.expr));
      });
    });
  }

  #read(leaf: Expr, parameters: Parameters): Vectors {
    if (leaf.kind !== "input") return readLaunchLeaf(this.#f, parameters, leaf);
    const pointer = this.#pointer(leaf.index);
    if (this.#operands.laneAccess(leaf.index) === 0) return this.#operands.readRepeated(leaf.index, pointer);
    const { at, run } = this.#cursor ?? unreachable("an operand read outside the row");
    return this.#operands.read(leaf.index, pointer, at, run);
  }

  #pointer(operand: number): Word {
    return this.#operands.pointers[operand]!;
  }
}

// Enough accumulators to hide latency, few enough to stay in registers.
const accumulatorsFor = (reductions: number): number => (reductions <= 2 ? 4 : reductions <= 4 ? 2 : 1);

/** Emits the function, exported as `combine`, that joins the threads' partial sums of outputs with role `lane`. */
export function emitCombine(module: ModuleBuilder, kernel: Kernel, layout: ParameterLayout): void {
  module.function({ params: kernelParams, export: "combine" }, (f, { params, thread, threads }) => {
    const parameters = new Parameters(f, params, layout);
    const operands = new Operands(f, kernel, parameters, kernel.rank - 1);
    const partials = parameters.header("partials");
    const pitch = parameters.header("scratchPitch");
    const address = parameters.header("scratch");
    const lanes = shareOf(f, thread, threads, parameters.header("laneCount"), 16);
    kernel.program.outputs.forEach((o, k) => {
      if (o.role !== "lane") return;
      const { type } = o.expr;
      walkLanes(f, lanes, (at, fours, remaining) => {
        const sum = new Accumulator(f, "sum", type, fours);
        const partial = f.local("i32", i32.add(address, i32.shl(at, shiftOf(type))));
        const turn = f.local("i32");
        f.for(turn, 0, partials, 1, () => {
          sum.add(loadDense(f, type, partial, { fours }));
          f.increment(partial, pitch);
        });
        const pointer = operands.pointers[operands.operandOf(k)]!;
        operands.write(k, pointer, at, sum.lanes(), remaining ? { fours, remaining } : { fours });
      });
      f.increment(address, i32.mul(partials, pitch));
    });
  });
}
