// A kernel as a WebAssembly module: picks the schedule by how the operands lie, never by size.

import type { Kernel } from "../../backend/backend.js";
import { ModuleBuilder } from "../wasm/assembler.js";
import { columnScratchNeed, emitColumnSchedule, tileLanes } from "./column-schedule.js";
import { importDoubleMath, usesDoubleMath } from "./double-math.js";
import { emitLongRowSchedule, runsInChunks } from "./long-row-schedule.js";
import { ParameterLayout } from "./parameters.js";
import { emitCombine, emitRowSchedule } from "./row-schedule.js";
import { type ScratchNeed, scratchNeed } from "./scratch.js";

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
  /** The axis that vectors run along. */
  readonly laneAxis: number;
  /** The axes walked one by one: the first ones, this many. */
  readonly outer: number;
  /** Whether threads may share out the lanes: no result then spans them. */
  readonly lanesSplit: boolean;
  /** Lanes that scratch memory is needed for at once, if not all. */
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
  const strided = (axis: number) =>
    access.filter((a, i) => a[axis] === 2 && program.inputs[i]?.kind !== "index").length;
  if (reduces && !sumsRows && rank > 1 && strided(rank - 2) < strided(rank - 1)) {
    return { kind: "column", laneAxis: rank - 2, outer: rank - 2, lanesSplit: true, tileLanes };
  }
  return { kind: "row", laneAxis: rank - 1, outer: rank - 1, lanesSplit: !reduces };
}

/** Writes the module of a kernel. */
export function renderKernel(kernel: Kernel, target: RenderTarget): RenderedKernel {
  const { program } = kernel;
  const schedule = scheduleOf(kernel);
  const layout = new ParameterLayout(schedule.outer, kernel.access.length, program.scalars);
  const combines = program.outputs.some((o) => o.role === "lane");
  const { module, doubles } = startModule(kernel, target);
  if (schedule.kind === "column") emitColumnSchedule(module, kernel, layout, doubles);
  else emitRowSchedule(module, kernel, layout, doubles);
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
