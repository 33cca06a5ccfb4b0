// The reference backend's memory: one ArrayBuffer an allocation, filled with NaN (integers: −1) so that nothing can
// rely on fresh memory, and every access checked.

import type { BufferHandle, MemoryInfo } from "../backend/backend.js";
import { byteLengthOf, type DType, isHalf } from "../dtype.js";
import { TensorError, unreachable } from "../errors.js";
import { halfFloats } from "../half-floats.js";
import type { OperandView } from "./iteration.js";

const garbage = 0xff;

class ReferenceBuffer implements BufferHandle {
  readonly byteLength: number;
  readonly memory: ReferenceMemory;
  bytes: Uint8Array<ArrayBuffer> | undefined;

  constructor(memory: ReferenceMemory, byteLength: number) {
    this.memory = memory;
    this.byteLength = byteLength;
    this.bytes = new Uint8Array(byteLength).fill(garbage);
  }
}

/** All buffers of one reference backend. */
export class ReferenceMemory {
  readonly #limitBytes: number;
  #liveBytes = 0;
  #peakBytes = 0;
  readonly #live = new Set<ReferenceBuffer>();

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Garbage of `byteLength` bytes. @throws TensorError `out-of-memory` */
  allocate(byteLength: number): BufferHandle {
    if (!Number.isSafeInteger(byteLength) || byteLength < 0) unreachable(`allocation of ${byteLength} bytes`);
    if (this.#liveBytes + byteLength > this.#limitBytes) {
      const facts = { requested: byteLength, live: this.#liveBytes, pooled: 0, limit: this.#limitBytes };
      throw new TensorError(
        "out-of-memory",
        `allocate: out of memory, got a request of ${byteLength} bytes with ${this.#liveBytes} live and 0 pooled, expected at most ${this.#limitBytes} in all`,
        facts,
      );
    }
    const buffer = new ReferenceBuffer(this, byteLength);
    this.#live.add(buffer);
    this.#liveBytes += byteLength;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    return buffer;
  }

  /** Takes a buffer back; its contents are gone. */
  release(handle: BufferHandle): void {
    const buffer = this.#own(handle);
    this.#live.delete(buffer);
    this.#liveBytes -= buffer.byteLength;
    buffer.bytes = undefined;
  }

  /** Bytes of a live buffer. @throws TensorError `internal` for a released or foreign buffer, or a bad range. */
  bytes(handle: BufferHandle, byteOffset = 0, byteLength = handle.byteLength - byteOffset): Uint8Array<ArrayBuffer> {
    const { bytes } = this.#own(handle);
    const end = byteOffset + byteLength;
    const whole = [byteOffset, byteLength].every((n) => Number.isInteger(n) && n >= 0 && n % 2 === 0);
    if (!whole || end > handle.byteLength) {
      unreachable(
        `bytes ${byteOffset} to ${end} of a buffer of ${handle.byteLength}, expected whole elements inside it`,
      );
    }
    return bytes!.subarray(byteOffset, end);
  }

  /** Elements of a live buffer laid over an iteration space; every access is checked, stores round to `type`. */
  view(
    handle: BufferHandle,
    type: DType,
    place: { readonly byteOffset: number; readonly strides: readonly number[]; readonly offset: number },
    what: string,
  ): OperandView<number> {
    const { buffer } = this.bytes(handle, place.byteOffset);
    const length = Math.floor((handle.byteLength - place.byteOffset) / byteLengthOf(type));
    const elements = new arrays[type](buffer, place.byteOffset, length);
    const half = isHalf(type) ? halfFloats[type] : undefined;
    const check = (address: number): void => {
      if (address < 0 || address >= length) unreachable(`${what} is at element ${address} of ${length}`);
    };
    return {
      strides: place.strides,
      offset: place.offset,
      read: (address) => {
        check(address);
        const value = half ? half.numberOf(elements[address]!) : elements[address]!;
        if (type === "bool" && value !== 0 && value !== 1) unreachable(`${what} is a bool that holds ${value}`);
        return value;
      },
      write: (address, value) => {
        check(address);
        elements[address] = half ? half.bitsOf(value) : value;
      },
    };
  }

  /** Bytes in use; nothing is pooled. */
  info(): MemoryInfo {
    const liveBytes = this.#liveBytes;
    return { liveBytes, peakBytes: this.#peakBytes, pooledBytes: liveBytes, limitBytes: this.#limitBytes };
  }

  /** Releases everything. */
  clear(): void {
    for (const buffer of this.#live) this.release(buffer);
  }

  #own(handle: BufferHandle): ReferenceBuffer {
    if (!(handle instanceof ReferenceBuffer) || handle.memory !== this)
      return unreachable("a buffer of another device");
    if (!handle.bytes) return unreachable(`a released buffer of ${handle.byteLength} bytes`);
    return handle;
  }
}

// A bool lies in four bytes on a device, a number of 16 bits as its bits.
const arrays = {
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  bool: Int32Array,
} as const satisfies Record<DType, unknown>;
