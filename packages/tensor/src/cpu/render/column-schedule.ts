// The column schedule: vectors run along the axis beside the row, and the row is walked one step at a time. For
// reductions whose operands stride along the row but lie densely beside it, such as sums of columns. Running results of
// a tile of columns are in scratch memory, so that each step reads a long stretch of every operand.

import type { Kernel } from "../../backend/backend.js";
import { byteLengthOf } from "../../dtype.js";
import { unreachable } from "../../errors.js";
import type { Expr } from "../../kernel/expr.js";
import type { Program, Reduce } from "../../kernel/program.js";
import { identityOf, type NumberedReduce, reducePasses } from "../../kernel/reductions.js";
import { type FunctionBuilder, i32, type Local, type ModuleBuilder } from "../wasm/assembler.js";
import { joinVectors } from "./accumulators.js";
import type { DoubleMath } from "./double-math.js";
import { Evaluator } from "./evaluator.js";
import { constantVector, each, shiftOf, type Vectors, vectorsPerFour, type Word } from "./lanes.js";
import { loadDense, type Run, storeDense } from "./memory.js";
import { Operands, readLaunchLeaf } from "./operands.js";
import type { ParameterLayout } from "./parameters.js";
import { rootsOf } from "./program-shape.js";
import type { ScratchNeed } from "./scratch.js";
import { eachTile, kernelParams, Parameters, type Range, takeShares, walkLanes, walkOuter } from "./walk.js";

// Steps of the row after which running sums are set aside, so that long sums lose no digits.
const stepsPerBlock = 128;

/** Columns that are walked together. */
export const columnTile = 1024;

const level = { launch: 0, outer: 1, step: 2, lanes: 3 } as const;

const isSetAside = ({ op, of }: Reduce): boolean => op === "sum" && of.type === "float32";

/** The scratch memory of a program under the column schedule: a row a reduction, and one for sums set aside. */
export function columnScratchNeed({ reduces }: Program): ScratchNeed {
  const unit = Math.max(...reduces.map((r) => byteLengthOf(r.of.type)));
  return { rows: reduces.length + reduces.filter(isSetAside).length, unit };
}

/** Emits the kernel's function, exported as `run`. */
export function emitColumnSchedule(
  module: ModuleBuilder,
  kernel: Kernel,
  layout: ParameterLayout,
  doubles: DoubleMath | undefined,
): void {
  module.function({ params: kernelParams, export: "run" }, (f, { params, thread, threads }) => {
    const parameters = new Parameters(f, params, layout);
    const shares = takeShares(f, parameters, thread, threads);
    const emitter = new ColumnEmitter(f, kernel, parameters, thread, doubles);
    walkOuter(f, parameters, shares.outer, emitter.operands.pointers, () => {
      emitter.outer(() => eachTile(f, shares.lanes, columnTile, (tile) => emitter.emitTile(tile)));
    });
  });
}

class ColumnEmitter {
  readonly operands: Operands;
  readonly #f: FunctionBuilder;
  readonly #kernel: Kernel;
  readonly #parameters: Parameters;
  readonly #evaluator: Evaluator;
  readonly #rowCount: Word;
  readonly #rowStrides = new Map<number, Word>();
  /** Scratch rows by reduction: running results, and sums set aside. */
  readonly #results: readonly Word[];
  readonly #aside: ReadonlyMap<number, Word>;
  /** Where the emitted code stands: in which tile, at which step and lane. */
  #tile: Range | undefined;
  #step: Word | undefined;
  #at: Word | undefined;

  constructor(
    f: FunctionBuilder,
    kernel: Kernel,
    parameters: Parameters,
    thread: Word,
    doubles: DoubleMath | undefined,
  ) {
    this.#f = f;
    this.#kernel = kernel;
    this.#parameters = parameters;
    this.#rowCount = parameters.header("rowCount");
    this.operands = new Operands(f, kernel, parameters, kernel.rank - 2);
    kernel.access.forEach((access, i) => {
      if (access[kernel.rank - 1] !== 0) this.#rowStrides.set(i, parameters.local(parameters.layout.rowStride(i)));
    });
    const { reduces } = kernel.program;
    const pitch = parameters.header("scratchPitch");
    const next = f.local("i32", parameters.header("scratch"));
    f.increment(next, i32.mul(i32.mul(thread, columnScratchNeed(kernel.program).rows), pitch));
    const scratchRow = (): Word => {
      const row = f.local("i32", next);
      f.increment(next, pitch);
      return row;
    };
    this.#results = reduces.map(scratchRow);
    this.#aside = new Map(reduces.flatMap((r, i) => (isSetAside(r) ? [[i, scratchRow()]] : [])));
    this.#evaluator = new Evaluator(f, doubles, kernel.program, {
      firstVaryingLevel: level.lanes,
      levelOf: (leaf) => {
        if (leaf.kind === "reduced") return level.lanes;
        if (leaf.kind !== "input") return level.launch;
        if (this.operands.laneAccess(leaf.index) !== 0) return level.lanes;
        return this.#rowStrides.has(leaf.index) ? level.step : level.outer;
      },
      read: (leaf, run) => this.#read(leaf, run),
    });
    this.#evaluator.hoist(rootsOf(kernel.program));
  }

  /** Encloses what belongs to one position of the outer axes. */
  outer(body: () => void): void {
    this.#evaluator.enter(undefined, () => {
      this.#evaluator.hoist(rootsOf(this.#kernel.program));
      body();
    });
  }

  /** All passes and outputs of one tile. */
  emitTile(tile: Range): void {
    this.#tile = tile;
    const { outputs } = this.#kernel.program;
    for (const pass of reducePasses(this.#kernel.program)) this.#emitReductions(pass);
    const full = outputs.flatMap((o, k) => (o.role === "full" ? [k] : []));
    if (full.length > 0) this.#walkRow(this.#exprs(full), (run) => this.#write(full, run));
    const perColumn = outputs.flatMap((o, k) => (o.role === "row" ? [k] : []));
    if (perColumn.length > 0) this.#walkTile(this.#exprs(perColumn), (run) => this.#write(perColumn, run));
  }

  #emitReductions(pass: readonly NumberedReduce[]): void {
    for (const r of pass) {
      this.#fill(this.#results[r.index]!, r, identityOf(r.op, r.of.type));
      const aside = this.#aside.get(r.index);
      if (aside) this.#fill(aside, r, 0);
    }
    const roots = pass.map((r) => r.of);
    const addUp = (run: Run) => {
      const values = roots.map((e) => this.#evaluator.value(e));
      pass.forEach((r, i) => this.#joinInto(this.#results[r.index]!, r, values[i]!, run));
    };
    const sums = pass.filter(isSetAside);
    this.#walkRow(roots, addUp, sums.length > 0 ? () => this.#setAside(sums) : undefined);
    // What is left since the last time goes the same way, and the whole becomes the result.
    for (const r of sums) this.#joinRows(this.#results[r.index]!, this.#aside.get(r.index)!, r);
  }

  #setAside(sums: readonly NumberedReduce[]): void {
    for (const r of sums) {
      const row = this.#results[r.index]!;
      this.#joinRows(this.#aside.get(r.index)!, row, r);
      this.#fill(row, r, 0);
    }
  }

  #fill(row: Word, r: Reduce, value: number): void {
    const { type } = r.of;
    const vector = constantVector(this.#f, type, value);
    this.#eachRun((run) => {
      this.#store(row, r, new Array<Local<"v128">>(run.fours * vectorsPerFour(type)).fill(vector), run);
    });
  }

  #joinRows(into: Word, from: Word, r: Reduce): void {
    this.#eachRun((run) => this.#joinInto(into, r, this.#load(from, r, run), run));
  }

  #joinInto(row: Word, r: Reduce, values: Vectors, run: Run): void {
    const join = joinVectors(r.op, r.of.type);
    this.#store(row, r, each(this.#f, [this.#load(row, r, run), values], join), run);
  }

  #load(row: Word, { of }: Reduce, { fours }: Run): Vectors {
    return loadDense(this.#f, of.type, this.#place(row, of), { fours });
  }

  // Scratch rows end with room for a whole run.
  #store(row: Word, { of }: Reduce, values: Vectors, { fours }: Run): void {
    storeDense(this.#f, of.type, this.#place(row, of), values, { fours });
  }

  #place(row: Word, { type }: Expr): Word {
    const lane = i32.sub(this.#at!, this.#tile!.from);
    return this.#f.local("i32", i32.add(row, i32.shl(lane, shiftOf(type))));
  }

  #exprs(outputs: readonly number[]): readonly Expr[] {
    return outputs.map((k) => this.#kernel.program.outputs[k]!.expr);
  }

  #write(outputs: readonly number[], run: Run): void {
    const values = this.#exprs(outputs).map((e) => this.#evaluator.value(e));
    outputs.forEach((k, i) => {
      this.operands.write(k, this.#pointer(this.operands.operandOf(k)), this.#at!, values[i]!, run);
    });
  }

  // Steps of the row one by one; `fold` runs each time so many have been made, and at the end.
  #walkRow(roots: readonly Expr[], body: (run: Run) => void, fold?: () => void): void {
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
        this.#walkTile(roots, body);
        this.#step = undefined;
        f.increment(step, 1);
      });
      fold?.();
    });
  }

  // The tile's lanes at the present step, if any.
  #walkTile(roots: readonly Expr[], body: (run: Run) => void): void {
    this.#evaluator.enter(undefined, () => {
      this.#evaluator.hoist(roots);
      this.#eachRun((run) => this.#evaluator.enter(run, () => body(run)));
    });
  }

  #eachRun(body: (run: Run) => void): void {
    walkLanes(this.#f, this.#tile!, undefined, (at, fours, remaining) => {
      this.#at = at;
      body(remaining ? { fours, remaining } : { fours });
    });
  }

  #read(leaf: Expr, run: Run): Vectors {
    if (leaf.kind === "reduced")
      return this.#load(this.#results[leaf.index]!, this.#kernel.program.reduces[leaf.index]!, run);
    if (leaf.kind !== "input") return readLaunchLeaf(this.#f, this.#parameters, leaf);
    const pointer = this.#pointer(leaf.index);
    if (this.operands.laneAccess(leaf.index) === 0) return this.operands.readRepeated(leaf.index, pointer);
    return this.operands.read(leaf.index, pointer, this.#at ?? unreachable("an operand read outside the lanes"), run);
  }

  // Where an operand is at the present step of the row.
  #pointer(operand: number): Word {
    const pointer = this.operands.pointers[operand]!;
    const stride = this.#rowStrides.get(operand);
    if (!stride || !this.#step) return pointer;
    return this.#f.local("i32", i32.add(pointer, i32.mul(this.#step, stride)));
  }
}
