// The column schedule: vectors run along the axis beside the row, and the row is walked one step at a time. For
// reductions whose operands stride along the row but lie densely beside it, such as sums of columns.

import type { Kernel } from "../../backend/backend.js";
import { unreachable } from "../../errors.js";
import { type Expr, reduced } from "../../kernel/expr.js";
import { type FunctionBuilder, i32, type ModuleBuilder } from "../wasm/assembler.js";
import { Accumulator } from "./accumulators.js";
import type { DoubleMath } from "./double-math.js";
import { Evaluator } from "./evaluator.js";
import type { Vectors, Word } from "./lanes.js";
import type { Run } from "./memory.js";
import { Operands, readLaunchLeaf } from "./operands.js";
import type { ParameterLayout } from "./parameters.js";
import { type NumberedReduce, reducePasses, rootsOf } from "./program-shape.js";
import { kernelParams, Parameters, takeShares, walkLanes, walkOuter } from "./walk.js";

// Steps of the row after which running sums are set aside, so that long sums lose no digits.
const stepsPerBlock = 128;

const level = { launch: 0, outer: 1, columns: 2, step: 3 } as const;

/** Emits the kernel's function, exported as `run`. */
export function emitColumnSchedule(
  module: ModuleBuilder,
  kernel: Kernel,
  layout: ParameterLayout,
  doubles: DoubleMath | undefined,
): void {
  module.function({ params: kernelParams, export: "run" }, (f, { params, thread, threads }) => {
    const parameters = new Parameters(f, params, layout);
    const columns = new ColumnEmitter(f, kernel, parameters, doubles);
    const shares = takeShares(f, parameters, thread, threads);
    columns.evaluator.hoist(rootsOf(kernel.program));
    walkOuter(f, parameters, shares.outer, columns.operands.pointers, () => {
      columns.evaluator.enter(undefined, () => {
        columns.evaluator.hoist(rootsOf(kernel.program));
        walkLanes(f, shares.lanes, undefined, (at, fours, remaining) => {
          columns.emitColumns(at, remaining ? { fours, remaining } : { fours });
        });
      });
    });
  });
}

class ColumnEmitter {
  readonly operands: Operands;
  readonly evaluator: Evaluator;
  readonly #f: FunctionBuilder;
  readonly #kernel: Kernel;
  readonly #parameters: Parameters;
  readonly #rowCount: Word;
  readonly #rowStrides = new Map<number, Word>();
  #at: Word | undefined;
  #step: Word | undefined;

  constructor(f: FunctionBuilder, kernel: Kernel, parameters: Parameters, doubles: DoubleMath | undefined) {
    this.#f = f;
    this.#kernel = kernel;
    this.#parameters = parameters;
    this.#rowCount = parameters.header("rowCount");
    this.operands = new Operands(f, kernel, parameters, kernel.rank - 2);
    kernel.access.forEach((access, i) => {
      if (access[kernel.rank - 1] !== 0) this.#rowStrides.set(i, parameters.local(parameters.layout.rowStride(i)));
    });
    this.evaluator = new Evaluator(f, doubles, {
      firstVaryingLevel: level.columns,
      levelOf: (leaf) => {
        if (leaf.kind === "reduced") return level.columns;
        if (leaf.kind !== "input") return level.launch;
        if (this.#rowStrides.has(leaf.index)) return level.step;
        return this.operands.laneAccess(leaf.index) === 0 ? level.outer : level.columns;
      },
      read: (leaf, run) => this.#read(leaf, run),
    });
  }

  /** Reductions and outputs of one run of columns. */
  emitColumns(at: Word, run: Run): void {
    const { outputs } = this.#kernel.program;
    this.#at = at;
    this.evaluator.enter(run, () => {
      for (const pass of reducePasses(this.#kernel.program)) this.#emitReductions(pass, run);
      this.evaluator.hoist(outputs.map((o) => o.expr));
      const full = outputs.flatMap((o, k) => (o.role === "full" ? [k] : []));
      if (full.length > 0) this.#emitFullOutputs(full, run);
      outputs.forEach((o, k) => {
        if (o.role !== "row") return;
        this.operands.write(k, this.#pointer(this.operands.operandOf(k)), at, this.evaluator.value(o.expr), run);
      });
    });
  }

  #emitReductions(pass: readonly NumberedReduce[], run: Run): void {
    this.evaluator.hoist(pass.map((r) => r.of));
    const sums = pass.map((r) => new Accumulator(this.#f, r.op, r.of.type, run.fours));
    const add = () => pass.forEach((r, i) => sums[i]!.add(this.evaluator.value(r.of)));
    this.#walkRow(run, add, () => {
      for (const sum of sums) sum.setAside();
    });
    pass.forEach((r, i) => this.evaluator.define(reduced(r.index, r.of.type), sums[i]!.lanes()));
  }

  #emitFullOutputs(outputs: readonly number[], run: Run): void {
    const { program } = this.#kernel;
    this.#walkRow(run, () => {
      const values = outputs.map((k) => this.evaluator.value(program.outputs[k]!.expr));
      outputs.forEach((k, i) => {
        this.operands.write(k, this.#pointer(this.operands.operandOf(k)), this.#at!, values[i]!, run);
      });
    });
  }

  // Steps of the row one by one; `fold` runs each time so many have been made.
  #walkRow(run: Run, body: () => void, fold?: () => void): void {
    const f = this.#f;
    const step = f.local("i32", 0);
    const end = f.local("i32", this.#rowCount);
    f.while(i32.ltS(step, this.#rowCount), () => {
      if (fold) {
        const blockEnd = i32.add(step, stepsPerBlock);
        f.set(end, i32.select(blockEnd, this.#rowCount, i32.ltS(blockEnd, this.#rowCount)));
      }
      f.while(i32.ltS(step, end), () => {
        this.#step = step;
        this.evaluator.enter(run, body);
        f.increment(step, 1);
      });
      fold?.();
    });
    this.#step = undefined;
  }

  #read(leaf: Expr, run: Run): Vectors {
    if (leaf.kind !== "input") return readLaunchLeaf(this.#f, this.#parameters, leaf);
    const pointer = this.#pointer(leaf.index);
    if (this.operands.laneAccess(leaf.index) === 0) return this.operands.readRepeated(leaf.index, pointer);
    return this.operands.read(leaf.index, pointer, this.#at ?? unreachable("an operand read outside the columns"), run);
  }

  // Where an operand is at the present step of the row.
  #pointer(operand: number): Word {
    const pointer = this.operands.pointers[operand]!;
    const stride = this.#rowStrides.get(operand);
    if (!stride || !this.#step) return pointer;
    return this.#f.local("i32", i32.add(pointer, i32.mul(this.#step, stride)));
  }
}
