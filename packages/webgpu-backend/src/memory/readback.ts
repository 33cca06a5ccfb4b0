// Copies from the device to the host, through buffers that the host can map.

import { bufferUsage, type GpuBuffer, mapModeRead } from "../gpu.js";
import { type MakeBuffer, sizeClass } from "./pool.js";

const keptBuffers = 4;

/** Buffers to read through, kept for the next reader. */
export class Readback {
  readonly #make: MakeBuffer;
  #idle: GpuBuffer[] = [];

  constructor(make: MakeBuffer) {
    this.#make = make;
  }

  /** A buffer of at least `byteLength` bytes to copy into. */
  take(byteLength: number): GpuBuffer {
    const at = this.#idle.findIndex((b) => b.size >= byteLength && b.size <= 4 * Math.max(byteLength, 4096));
    const known = this.#idle[at];
    if (known) {
      this.#idle.splice(at, 1);
      return known;
    }
    return this.#make(sizeClass(byteLength), bufferUsage.mapRead | bufferUsage.copyDestination);
  }

  /** The bytes, once the copies that were submitted before have run. */
  async bytes(buffer: GpuBuffer, byteLength: number): Promise<Uint8Array> {
    if (byteLength === 0) return new Uint8Array(0);
    await buffer.mapAsync(mapModeRead, 0, byteLength);
    const bytes = new Uint8Array(buffer.getMappedRange(0, byteLength)).slice();
    buffer.unmap();
    return bytes;
  }

  /** Gives a buffer back. */
  put(buffer: GpuBuffer): void {
    this.#idle.push(buffer);
    if (this.#idle.length > keptBuffers) this.#idle.shift()!.destroy();
  }

  /** Destroys what is kept. */
  clear(): void {
    for (const buffer of this.#idle) buffer.destroy();
    this.#idle = [];
  }
}
