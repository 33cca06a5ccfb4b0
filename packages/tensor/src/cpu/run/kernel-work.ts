// Row programs as executables: a rendered kernel in the pool, and how its launches are split over threads.

import type { Kernel, Launch } from "../../backend/backend.js";
import type { Pool } from "../pool/pool.js";
import { extentOf, fillBlock, unitsOf } from "../render/launch-block.js";
import { type RenderedKernel, type RenderTarget, renderKernel } from "../render/render.js";
import { scratchPitch } from "../render/scratch.js";
import { elementCost, imbalance, launchCost } from "./cost.js";
import type { AddressWord, CpuExecutable, Crew, ScalarWord, Step, Work } from "./work.js";

// Threads share out lanes in whole runs of this many.
const laneGrain = 16;

/** A compiled row program. */
export class KernelExecutable implements CpuExecutable {
  readonly key: string;
  readonly kernel: Kernel;
  readonly rendered: RenderedKernel;
  readonly #run: number;
  readonly #combine: number | undefined;
  readonly #elementCost: number;
  readonly #units: readonly number[];

  constructor(kernel: Kernel, target: RenderTarget, pool: Pool) {
    this.key = kernel.key;
    this.kernel = kernel;
    this.rendered = renderKernel(kernel, target);
    this.#run = pool.register(this.rendered.module, "run");
    this.#combine = this.rendered.combines ? pool.register(this.rendered.module, "combine") : undefined;
    this.#elementCost = elementCost(kernel.program);
    this.#units = unitsOf(kernel);
  }

  plan(launch: Launch, { threads, parallelNanoseconds }: Crew): Work {
    const { kernel, rendered } = this;
    const { schedule, layout } = rendered;
    const { sizes, operands } = launch;
    const { outerCount, laneCount } = extentOf(schedule, sizes);
    const elements = sizes.reduce((n, size) => n * size, 1);
    const nanoseconds = launchCost(this.#elementCost, outerCount, elements);
    const split = splitOf(outerCount, schedule.lanesSplit ? Math.ceil(laneCount / laneGrain) : 0, threads);
    const parallel = split !== undefined && nanoseconds >= parallelNanoseconds;
    const partials = parallel ? threads : 1;
    const pitch = scratchPitch(rendered.scratch, laneCount);
    const strides = operands.map((o) => o.strides);
    const block = fillBlock(rendered, this.#units, sizes, strides, {
      splitLanes: parallel && split === "lanes" ? 1 : 0,
      scratchPitch: pitch,
      partials,
    });
    const addresses: AddressWord[] = [];
    operands.forEach((o, i) => {
      const word = layout.base(i);
      if (kernel.program.inputs[i]?.kind === "index") block[word] = o.offset;
      else addresses.push({ word, operand: i, byteOffset: o.offset * this.#units[i]! });
    });
    const scalars = layout.scalars.map((type, scalar): ScalarWord => ({ word: layout.scalar(scalar), scalar, type }));
    const scratch = rendered.scratch.rows > 0 ? [{ word: layout.header("scratch"), byteOffset: 0 }] : [];
    const phases: Step[][] = [[{ kernel: this.#run, block, addresses, scalars, scratch, parallel, nanoseconds }]];
    const summed = kernel.program.outputs.filter((o) => o.role === "lane").length;
    if (this.#combine !== undefined) {
      const cost = launchCost(0.1, 0, summed * laneCount * partials);
      const shared = threads > 1 && cost >= parallelNanoseconds;
      phases.push([{ kernel: this.#combine, block, addresses, scalars, scratch, parallel: shared, nanoseconds: cost }]);
    }
    return { phases, scratchBytes: rendered.scratch.rows * partials * pitch };
  }
}

// What threads share out: whichever comes out more evenly; nothing when there is only one part.
function splitOf(outerCount: number, laneRuns: number, threads: number): "outer" | "lanes" | undefined {
  if (threads === 1) return undefined;
  const best = laneRuns > 1 && imbalance(laneRuns, threads) < imbalance(outerCount, threads) ? "lanes" : "outer";
  return best === "lanes" || outerCount > 1 ? best : undefined;
}
