// Turns a submission into commands: parameters are written once, every dispatch goes into one pass, and what a dispatch
// needs (pipeline, bind group) is looked up again only when its buffers have changed.

import { unreachable } from "@torchium/tensor/backend";
import { bufferUsage, type GpuBuffer, type GpuDevice, type GpuObject, type GpuTimestampWrites } from "../gpu.js";
import type { Block } from "../memory/buffer.js";
import type { BufferPool } from "../memory/pool.js";
import { FaultLog, faultCapacity, faultWords } from "./faults.js";
import { Pipelines } from "./pipelines.js";
import { bindingsOf, type PlacedDispatch, type Submission } from "./submission.js";

type Prepared = { readonly blocks: readonly Block[]; readonly pipeline: GpuObject; readonly group: GpuObject };

/** Commands of one device. */
export class Encoder {
  readonly faults = new FaultLog();
  readonly #device: GpuDevice;
  readonly #pool: BufferPool;
  readonly #pipelines: Pipelines;
  readonly #prepared = new WeakMap<PlacedDispatch, Prepared>();
  #generation = new WeakSet<Prepared>();
  #params: { readonly buffer: GpuBuffer; readonly group: GpuObject } | undefined;
  #scratch: Block | undefined;
  #faultBlock: Block | undefined;

  constructor(device: GpuDevice, pool: BufferPool) {
    this.#device = device;
    this.#pool = pool;
    this.#pipelines = new Pipelines(device);
  }

  /** Words for the faults of guarded launches; undefined before there are any. */
  get faultBlock(): Block | undefined {
    return this.#faultBlock;
  }

  /** Runs a submission. */
  submit(submission: Submission, timestampWrites?: GpuTimestampWrites): void {
    const { queue } = this.#device;
    const encoder = this.#device.createCommandEncoder();
    if (submission.scratchWords > 0) this.#scratch = this.#pool.grow(this.#scratch, submission.scratchWords * 4);
    if (submission.guards.length > 0 && !this.#faultBlock) {
      this.#faultBlock = this.#pool.grow(undefined, faultCapacity * faultWords * 4);
      encoder.clearBuffer(this.#faultBlock.gpu);
    }
    const places = new Map(submission.guards.map((g) => [g.launch, this.faults.add(g.launch.label, g.tableRows)]));
    submission.fill((launch) => places.get(launch) ?? unreachable(`${launch.label} is not guarded`));
    const params = this.#paramsFor(submission.paramBytes);
    queue.writeBuffer(params.buffer, 0, submission.words);
    const pass = encoder.beginComputePass(timestampWrites && { timestampWrites });
    const widest = this.#device.limits.maxComputeWorkgroupsPerDimension;
    for (const placed of submission.dispatches) {
      const { pipeline, group } = this.#prepare(placed);
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.setBindGroup(1, params.group, [placed.word * 4]);
      const { groups } = placed.dispatch;
      // More groups than one axis takes go into rows of groups; the shader counts on.
      pass.dispatchWorkgroups(Math.min(groups, widest), Math.ceil(groups / widest));
    }
    pass.end();
    queue.submit([encoder.finish()]);
  }

  /** Forgets what holds buffers. */
  forgetBuffers(): void {
    this.#pipelines.forgetBuffers();
    this.#generation = new WeakSet();
  }

  /** Destroys what the pool does not own. */
  dispose(): void {
    this.#params?.buffer.destroy();
  }

  #prepare(placed: PlacedDispatch): Prepared {
    const { slots, blocks } = bindingsOf(placed, { scratch: this.#scratch, faults: this.#faultBlock });
    const known = this.#prepared.get(placed);
    if (known && this.#generation.has(known) && sameBlocks(known.blocks, blocks)) return known;
    const pipeline = this.#pipelines.pipeline(placed.dispatch.shader, slots);
    const prepared = { blocks, pipeline: pipeline.gpu, group: this.#pipelines.bindGroup(pipeline, blocks) };
    this.#prepared.set(placed, prepared);
    this.#generation.add(prepared);
    return prepared;
  }

  #paramsFor(byteLength: number) {
    const known = this.#params;
    if (known && known.buffer.size >= byteLength) return known;
    known?.buffer.destroy();
    const size = 2 ** Math.ceil(Math.log2(byteLength));
    const buffer = this.#device.createBuffer({ size, usage: bufferUsage.uniform | bufferUsage.copyDestination });
    this.#params = { buffer, group: this.#pipelines.paramGroup(buffer) };
    return this.#params;
  }
}

const sameBlocks = (a: readonly Block[], b: readonly Block[]): boolean =>
  a.length === b.length && a.every((block, i) => block === b[i]);
