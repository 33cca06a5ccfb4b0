// Row programs as executables: a rendered kernel in the pool, and how its launches are split over threads.

import type { Kernel, Launch } from "../../backend/backend.js";
import { sizeOf } from "../../shape.js";
import type { Pool } from "../pool/pool.js";
import { extentOf, fillBlock, type SplitWords, unitsOf } from "../render/launch-block.js";
import { chunkBytes, chunkLength } from "../render/long-row-schedule.js";
import { type RenderedKernel, type RenderTarget, renderKernel, renderLongRows } from "../render/render.js";
import { scratchPitch } from "../render/scratch.js";
import { elementCost, imbalance, launchCost } from "./cost.js";
import type { AddressWord, CpuExecutable, Crew, Step, Work } from "./work.js";

// Threads share out lanes in whole runs of this many.
const laneGrain = 16;

// Rows of at least this many chunks are cut.
const leastChunks = 2;

/** A compiled row program. */
export class KernelExecutable implements CpuExecutable {
  readonly key: string;
  readonly kernel: Kernel;
  readonly #rendered: RenderedKernel;
  readonly #target: RenderTarget;
  readonly #pool: Pool;
  readonly #run: number;
  readonly #combine: number | undefined;
  readonly #units: readonly number[];
  readonly #elementCost: number;
  /** The functions for long rows, once they have been needed. */
  #longRows: { readonly partial: number; readonly finish: number } | undefined;

  constructor(kernel: Kernel, target: RenderTarget, pool: Pool) {
    this.key = kernel.key;
    this.kernel = kernel;
    this.#target = target;
    this.#pool = pool;
    this.#rendered = renderKernel(kernel, target);
    const { module, combines } = this.#rendered;
    this.#run = pool.register(module, "run");
    this.#combine = combines ? pool.register(module, "combine") : undefined;
    this.#units = unitsOf(kernel);
    this.#elementCost = elementCost(kernel.program);
  }

  plan(launch: Launch, crew: Crew): Work {
    const { schedule, chunks } = this.#rendered;
    const { outerCount, laneCount } = extentOf(schedule, launch.sizes);
    const elements = sizeOf(launch.sizes);
    const nanoseconds = launchCost(this.#elementCost, outerCount, elements);
    const pieces = Math.ceil(laneCount / chunkLength);
    if (chunks && pieces >= leastChunks) return this.#planLongRows(launch, crew, outerCount * pieces, nanoseconds);
    const split = splitOf(outerCount, schedule.lanesSplit ? Math.ceil(laneCount / laneGrain) : 0, crew.threads);
    const parallel = split !== undefined && nanoseconds >= crew.parallelNanoseconds;
    const partials = parallel ? crew.threads : 1;
    const pitch = scratchPitch(this.#rendered.scratch, Math.min(laneCount, schedule.tileLanes ?? laneCount));
    const call = this.#call(launch, {
      splitLanes: parallel && split === "lanes" ? 1 : 0,
      scratchPitch: pitch,
      partials,
    });
    const phases: Step[][] = [[{ ...call, kernel: this.#run, parallel, nanoseconds }]];
    if (this.#combine !== undefined) phases.push([this.#combineStep(call, this.#combine, laneCount * partials, crew)]);
    return { phases, scratchBytes: this.#rendered.scratch.rows * partials * pitch };
  }

  #planLongRows(launch: Launch, { threads, parallelNanoseconds }: Crew, chunks: number, nanoseconds: number): Work {
    if (!this.#longRows) {
      const module = renderLongRows(this.kernel, this.#rendered, this.#target);
      const [partial, finish] = ["partial", "finish"].map((name) => this.#pool.register(module, name));
      this.#longRows = { partial: partial!, finish: finish! };
    }
    const { partial, finish } = this.#longRows;
    const call = this.#call(launch, {});
    const parallel = threads > 1 && nanoseconds >= parallelNanoseconds;
    return {
      phases: [
        [{ ...call, kernel: partial, parallel, nanoseconds }],
        [{ ...call, kernel: finish, parallel: false, nanoseconds: launchCost(1, 0, chunks) }],
      ],
      scratchBytes: chunks * chunkBytes(this.kernel.program),
    };
  }

  #combineStep(call: Call, kernel: number, elements: number, { threads, parallelNanoseconds }: Crew): Step {
    const summed = this.kernel.program.outputs.filter((o) => o.role === "lane").length;
    const nanoseconds = launchCost(0.1, 0, summed * elements);
    return { ...call, kernel, parallel: threads > 1 && nanoseconds >= parallelNanoseconds, nanoseconds };
  }

  // What all functions of a kernel are called with.
  #call({ sizes, operands }: Launch, header: SplitWords): Call {
    const { layout } = this.#rendered;
    const strides = operands.map((o) => o.strides);
    const block = fillBlock(this.#rendered, this.#units, sizes, strides, header);
    const addresses: AddressWord[] = [];
    operands.forEach((o, i) => {
      const word = layout.base(i);
      if (this.kernel.program.inputs[i]?.kind === "index") block[word] = o.offset;
      else addresses.push({ word, operand: i, byteOffset: o.offset * this.#units[i]! });
    });
    return {
      block,
      addresses,
      scalars: layout.scalars.map((type, scalar) => ({ word: layout.scalar(scalar), scalar, type })),
      scratch: [{ word: layout.header("scratch"), byteOffset: 0 }],
    };
  }
}

type Call = Pick<Step, "block" | "addresses" | "scalars" | "scratch">;

// What threads share out: whichever comes out more evenly; nothing when there is only one part.
function splitOf(outerCount: number, laneRuns: number, threads: number): "outer" | "lanes" | undefined {
  if (threads === 1) return undefined;
  const best = laneRuns > 1 && imbalance(laneRuns, threads) < imbalance(outerCount, threads) ? "lanes" : "outer";
  return best === "lanes" || outerCount > 1 ? best : undefined;
}
