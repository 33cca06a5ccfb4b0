// Buffers by size class. A buffer that is given back can be handed out again at once, because everything a queue is
// given runs in order. Never holds more than its limit, nor much more unused than used.

import { type MemoryInfo, TensorError } from "@torchium/tensor/backend";
import { bufferUsage, type GpuBuffer } from "../gpu.js";
import { type Block, WebGpuBuffer } from "./buffer.js";

/** Makes a GPU buffer; what goes wrong is told later, and that the buffer is none to `onError`. */
export type MakeBuffer = (byteLength: number, usage: number, onError?: () => void) => GpuBuffer;

/** Unused bytes that are kept whatever is in use. */
const keptBytes = 2 ** 28;
const usage = bufferUsage.storage | bufferUsage.copySource | bufferUsage.copyDestination;

/** The memory of one backend. */
export class BufferPool {
  readonly #make: MakeBuffer;
  readonly #limitBytes: number;
  readonly #maxBytes: number;
  readonly #onDestroy: () => void;
  /** Unused blocks by size; a block that has waited longest comes first. */
  readonly #free = new Map<number, Block[]>();
  readonly #all = new Set<Block>();
  /** Blocks in use that the device had no memory for. */
  readonly #refused = new WeakSet<Block>();
  #ids = 0;
  #liveBytes = 0;
  #peakBytes = 0;
  #pooledBytes = 0;
  #freeBytes = 0;

  /** `onDestroy` is told when blocks are destroyed, so that nothing that was cached keeps them. */
  constructor(make: MakeBuffer, limitBytes: number, maxBytes: number, onDestroy: () => void) {
    this.#make = make;
    this.#limitBytes = limitBytes;
    this.#maxBytes = maxBytes;
    this.#onDestroy = onDestroy;
  }

  /** Memory that counts as live. @throws TensorError `out-of-memory` */
  allocate(byteLength: number): WebGpuBuffer {
    const block = this.#take(byteLength);
    this.#liveBytes += block.byteLength;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    return new WebGpuBuffer(byteLength, block);
  }

  /** Takes memory back. */
  release(buffer: WebGpuBuffer): void {
    buffer.released = true;
    this.#liveBytes -= buffer.block.byteLength;
    this.#put(buffer.block);
  }

  /** Whether a buffer is one of this pool's. */
  has(buffer: WebGpuBuffer): boolean {
    return this.#all.has(buffer.block);
  }

  /** A block of at least `byteLength` bytes in place of `old`, which is too small; it does not count as live. */
  grow(old: Block | undefined, byteLength: number): Block {
    if (old && old.byteLength >= byteLength) return old;
    if (old) this.#put(old);
    return this.#take(byteLength);
  }

  /** Bytes in use, held and allowed. */
  info(): MemoryInfo {
    return {
      liveBytes: this.#liveBytes,
      peakBytes: this.#peakBytes,
      pooledBytes: this.#pooledBytes,
      limitBytes: this.#limitBytes,
    };
  }

  /** Destroys everything. */
  clear(): void {
    for (const block of this.#all) block.gpu.destroy();
    this.#all.clear();
    this.#free.clear();
    this.#liveBytes = this.#pooledBytes = this.#freeBytes = 0;
    this.#onDestroy();
  }

  #take(byteLength: number): Block {
    const size = Math.min(sizeClass(byteLength), Math.max(this.#maxBytes, byteLength));
    const waiting = this.#free.get(size);
    const known = waiting?.pop();
    if (known) {
      this.#freeBytes -= size;
      return known;
    }
    this.#makeRoom(byteLength, size);
    const gpu = this.#make(size, usage, () => this.#refuse(block));
    const block: Block = { id: this.#ids++, gpu, byteLength: size };
    this.#all.add(block);
    this.#pooledBytes += size;
    return block;
  }

  /** The device has no memory for a block: it ends when it is given back, or now if it has been. */
  #refuse(block: Block): void {
    const waiting = this.#free.get(block.byteLength);
    const at = waiting?.indexOf(block) ?? -1;
    if (at < 0) this.#refused.add(block);
    else {
      waiting!.splice(at, 1);
      this.#freeBytes -= block.byteLength;
      this.#destroy(block);
    }
  }

  #put(block: Block): void {
    if (this.#refused.has(block)) {
      this.#destroy(block);
      return;
    }
    const waiting = this.#free.get(block.byteLength) ?? [];
    waiting.push(block);
    this.#free.set(block.byteLength, waiting);
    this.#freeBytes += block.byteLength;
  }

  #makeRoom(requested: number, size: number): void {
    if (size <= this.#maxBytes) {
      if (this.#freeBytes > keptBytes + this.#liveBytes) this.#drop(this.#freeBytes - keptBytes);
      const missing = this.#pooledBytes + size - this.#limitBytes;
      if (missing > 0) this.#drop(missing);
      if (this.#pooledBytes + size <= this.#limitBytes) return;
    }
    const live = this.#liveBytes;
    const limit = Math.min(this.#limitBytes, this.#maxBytes);
    const facts = { requested, live, pooled: this.#pooledBytes, limit };
    const why = `got a request of ${requested} bytes with ${live} live and ${this.#pooledBytes} pooled`;
    const allowed = `expected at most ${this.#maxBytes} in one buffer and ${this.#limitBytes} in all`;
    throw new TensorError("out-of-memory", `allocate: out of memory, ${why}, ${allowed}`, facts);
  }

  /** Destroys unused blocks of at least `byteLength` bytes in all, as far as there are any; the largest first. */
  #drop(byteLength: number): void {
    let left = byteLength;
    for (const size of [...this.#free.keys()].sort((a, b) => b - a)) {
      const waiting = this.#free.get(size)!;
      while (left > 0 && waiting.length > 0) {
        this.#destroy(waiting.shift()!);
        this.#freeBytes -= size;
        left -= size;
      }
    }
    this.#onDestroy();
  }

  #destroy(block: Block): void {
    block.gpu.destroy();
    this.#all.delete(block);
    this.#pooledBytes -= block.byteLength;
  }
}

/** Sizes in steps of a quarter between powers of two, so that at most a fifth is wasted. */
export function sizeClass(byteLength: number): number {
  if (byteLength <= 256) return 256;
  const step = 2 ** Math.max(6, Math.floor(Math.log2(byteLength - 1)) - 2);
  return Math.ceil(byteLength / step) * step;
}
