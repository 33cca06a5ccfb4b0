// A kernel as a WebAssembly module: picks the schedule by how the operands lie, never by size.

import type { Kernel } from "../../backend/backend.js";
import { ModuleBuilder } from "../wasm/assembler.js";
import { columnScratchNeed, columnTile, emitColumnSchedule } from "./column-schedule.js";
import { importDoubleMath, usesDoubleMath } from "./double-math.js";
import { emitLongRowSchedule, runsInChunks } from "./long-row-schedule.js";
import { ParameterLayout } from "./parameters.js";
import { emitCombine, emitRowSchedule } from "./row-schedule.js";
import { type ScratchNeed, scratchNeed } from "./scratch.js";
import { mainRun } from "./walk.js";

/** What the code of kernels depends on beside the kernels. */
export type RenderTarget = {
  /** Whether the memory is shared between threads. */
  readonly shared: boolean;
  /** Whether relaxed SIMD may be used. */
  readonly relaxedSimd: boolean;
};

/** How a kernel walks its iteration space. */
export type Schedule = {
  readonly kind: "row" | "column";
  /** The axis that vectors run along; those before it are walked one by one. */
  readonly laneAxis: number;
  /** Whether threads may share out the lanes: no result then spans them. */
  readonly lanesSplit: boolean;
  /** Lanes that are walked together, if not all: what scratch memory is needed for. */
  readonly tileLanes?: number;
};

/** A module with the functions `run` and, where outputs are summed over the rows, `combine`, which comes after it. */
export type RenderedKernel = {
  readonly module: Uint8Array<ArrayBuffer>;
  readonly schedule: Schedule;
  readonly layout: ParameterLayout;
  readonly combines: boolean;
  /** Whether `renderLongRows` can render the kernel too. */
  readonly chunks: boolean;
  readonly scratch: ScratchNeed;
};

/** The schedule of a kernel. */
function scheduleOf({ program, rank, access }: Kernel): Schedule {
  const reduces = program.reduces.length > 0;
  const sumsRows = program.outputs.some((o) => o.role === "lane");
  const inMemory = access.filter((_, i) => program.inputs[i]?.kind !== "index");
  const strided = (axis: number) => inMemory.filter((a) => a[axis] === 2).length;
  if (reduces && !sumsRows && rank > 1 && strided(rank - 2) < strided(rank - 1)) {
    return { kind: "column", laneAxis: rank - 2, lanesSplit: true, tileLanes: columnTile };
  }
  const schedule = { kind: "row", laneAxis: rank - 1, lanesSplit: !reduces } as const;
  // What lies across the lanes is read a cache line a lane, and the positions beside it soon after take the rest of the line.
  const isTurned = !reduces && !sumsRows && inMemory.some((a) => a[rank - 1] === 2 && a.includes(1));
  return isTurned ? { ...schedule, tileLanes: mainRun } : schedule;
}

/** Writes the module of a kernel. */
export function renderKernel(kernel: Kernel, target: RenderTarget): RenderedKernel {
  const { program } = kernel;
  const schedule = scheduleOf(kernel);
  const layout = new ParameterLayout(schedule.laneAxis, kernel.access.length, program.scalars);
  const combines = program.outputs.some((o) => o.role === "lane");
  const { module, doubles } = startModule(kernel, target);
  if (schedule.kind === "column") emitColumnSchedule(module, kernel, layout, doubles);
  else emitRowSchedule(module, kernel, layout, schedule, doubles);
  if (combines) emitCombine(module, kernel, layout);
  const chunks = schedule.kind === "row" && runsInChunks(program);
  const scratch = schedule.kind === "row" ? scratchNeed(program) : columnScratchNeed(program);
  return { module: module.finish(), schedule, layout, combines, chunks, scratch };
}

/** Writes the module of a kernel for long rows: `partial`, and `finish` to come after it. Blocks are those of the kernel. */
export function renderLongRows(
  kernel: Kernel,
  { layout }: RenderedKernel,
  target: RenderTarget,
): Uint8Array<ArrayBuffer> {
  const { module, doubles } = startModule(kernel, target);
  emitLongRowSchedule(module, kernel, layout, doubles);
  return module.finish();
}

function startModule({ program }: Kernel, { shared, relaxedSimd }: RenderTarget) {
  const module = new ModuleBuilder({ relaxedSimd });
  module.importMemory("env", "memory", { shared });
  return { module, doubles: usesDoubleMath(program) ? importDoubleMath(module) : undefined };
}
