// Measures a submission by the device's own clock.

import { bufferUsage, type GpuDevice, type GpuTimestampWrites } from "../gpu.js";
import type { Readback } from "../memory/readback.js";

const stampBytes = 16;

/** Time stamps around a pass. For devices with the feature `timestamp-query`. */
export class Stopwatch {
  readonly #device: GpuDevice;
  readonly #readback: Readback;

  constructor(device: GpuDevice, readback: Readback) {
    this.#device = device;
    this.#readback = readback;
  }

  /** Milliseconds between the stamps that `run` has written. */
  async measure(run: (stamps: GpuTimestampWrites) => void): Promise<number> {
    const querySet = this.#device.createQuerySet({ type: "timestamp", count: 2 });
    const usage = bufferUsage.queryResolve | bufferUsage.copySource;
    const resolved = this.#device.createBuffer({ size: stampBytes, usage });
    const staging = this.#readback.take(stampBytes);
    run({ querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 });
    const encoder = this.#device.createCommandEncoder();
    encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, stampBytes);
    this.#device.queue.submit([encoder.finish()]);
    const bytes = await this.#readback.bytes(staging, stampBytes);
    this.#readback.put(staging);
    resolved.destroy();
    querySet.destroy();
    const [begin, end] = new BigUint64Array(bytes.buffer as ArrayBuffer);
    return Math.max(0, Number(end! - begin!) / 1e6);
  }
}
