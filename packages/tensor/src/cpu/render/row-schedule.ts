// The row schedule: vectors run along the row, and each pass of reductions walks the row once; without reductions rows may
// be walked tile by tile. Outputs of role `lane` are summed per thread in scratch memory and joined, in the order of the
// threads, by a second function.

import type { Kernel } from "../../backend/backend.js";
import { reducePasses } from "../../kernel/reductions.js";
import { i32, type ModuleBuilder } from "../wasm/assembler.js";
import { Accumulator } from "./accumulators.js";
import type { DoubleMath } from "./double-math.js";
import { shiftOf } from "./lanes.js";
import { loadDense } from "./memory.js";
import { Operands } from "./operands.js";
import type { ParameterLayout } from "./parameters.js";
import type { Schedule } from "./render.js";
import { RowEmitter } from "./row-emitter.js";
import { Scratch } from "./scratch.js";
import {
  eachTile,
  kernelParams,
  mainRun,
  Parameters,
  type Range,
  shareOf,
  takeShares,
  walkLanes,
  walkOuter,
} from "./walk.js";

/** Emits the kernel's function, exported as `run`. */
export function emitRowSchedule(
  module: ModuleBuilder,
  kernel: Kernel,
  layout: ParameterLayout,
  { tileLanes }: Schedule,
  doubles: DoubleMath | undefined,
): void {
  const passes = reducePasses(kernel.program);
  module.function({ params: kernelParams, export: "run" }, (f, { params, thread, threads }) => {
    const parameters = new Parameters(f, params, layout);
    const shares = takeShares(f, parameters, thread, threads);
    const scratch = new Scratch(f, kernel.program, parameters, thread, threads);
    const emitter = new RowEmitter(f, kernel, parameters, scratch, doubles);
    const { pointers } = emitter.operands;
    const rows = (lanes: Range) =>
      walkOuter(f, parameters, shares.outer, pointers, () => {
        emitter.row(() => {
          passes.forEach((reductions, pass) => {
            const results = emitter.reduce(reductions, pass, lanes);
            reductions.forEach((r, i) => emitter.define(r, results[i]!));
          });
          emitter.write(passes.length, lanes);
        });
      });
    if (!tileLanes) rows(shares.lanes);
    else {
      const starts = pointers.map((pointer) => f.local("i32", pointer));
      eachTile(f, shares.lanes, tileLanes, (tile) => {
        pointers.forEach((pointer, i) => f.set(pointer, starts[i]!));
        rows(tile);
      });
    }
  });
}

/** Emits the function, exported as `combine`, that joins the threads' partial sums of outputs with role `lane`. */
export function emitCombine(module: ModuleBuilder, kernel: Kernel, layout: ParameterLayout): void {
  module.function({ params: kernelParams, export: "combine" }, (f, { params, thread, threads }) => {
    const parameters = new Parameters(f, params, layout);
    const operands = new Operands(f, kernel, parameters, kernel.rank - 1);
    const partials = parameters.header("partials");
    const pitch = parameters.header("scratchPitch");
    const address = parameters.header("scratch");
    const lanes = shareOf(f, thread, threads, parameters.header("laneCount"), mainRun);
    kernel.program.outputs.forEach((o, k) => {
      if (o.role !== "lane") return;
      const { type } = o.expr;
      walkLanes(f, lanes, undefined, (at, fours, remaining) => {
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
