// Hands out pieces of the one WebAssembly memory: best fit over a list of free blocks, neighbours joined on release.
// Every piece starts at a multiple of 64 bytes and has 64 bytes after it that kernels may read past its end.

import type { BufferHandle, MemoryInfo } from "../backend/backend.js";
import { TensorError, unreachable } from "../errors.js";

/** Buffers start at multiples of this, and as many bytes after each may be read. */
export const alignment = 64;

const pageBytes = 65536;
// Growing is slow, so it is done in steps of at least this much.
const growthBytes = 4 * 1024 * 1024;

/** A stretch of memory, free or in use; neighbours in memory are neighbours in the list. */
type Block = {
  readonly address: number;
  byteLength: number;
  free: boolean;
  previous: Block | undefined;
  next: Block | undefined;
};

/** A buffer of the CPU backend. */
export class CpuBuffer implements BufferHandle {
  readonly byteLength: number;
  readonly allocator: Allocator;
  /** Number of the submission that ran when it was handed out, and so knows nothing of it. */
  madeDuring = 0;
  #block: Block | undefined;

  constructor(allocator: Allocator, block: Block, byteLength: number) {
    this.allocator = allocator;
    this.byteLength = byteLength;
    this.#block = block;
  }

  /** Where the buffer starts in the memory. */
  get address(): number {
    return (this.#block ?? unreachable("a released buffer is used")).address;
  }

  /** Takes the block out; the buffer is dead from then on. */
  detach(): Block {
    const block = this.#block ?? unreachable("a buffer is released twice");
    this.#block = undefined;
    return block;
  }
}

/** The heap of one memory from `start` on. */
export class Allocator {
  readonly #memory: WebAssembly.Memory;
  readonly #start: number;
  readonly #limitBytes: number;
  /** Free blocks by size, then address. */
  readonly #free: Block[] = [];
  readonly #handedOut = new WeakSet<CpuBuffer>();
  #last: Block | undefined;
  #end: number;
  #liveBytes = 0;
  #peakBytes = 0;

  /** `limitBytes` counts from the memory's start. */
  constructor(memory: WebAssembly.Memory, start: number, limitBytes: number) {
    this.#memory = memory;
    this.#start = roundUp(start, alignment);
    this.#end = this.#start;
    this.#limitBytes = limitBytes;
    this.#takeGrown(memory.buffer.byteLength);
  }

  /** @throws TensorError `out-of-memory` with the bytes requested, live, pooled and the limit. */
  allocate(byteLength: number): CpuBuffer {
    const buffer = this.reserve(byteLength);
    this.#handedOut.add(buffer);
    this.#liveBytes += byteLength;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    return buffer;
  }

  /** The same for the backend's own use, which does not count as live. */
  reserve(byteLength: number): CpuBuffer {
    const size = roundUp(byteLength, alignment) + alignment;
    const block = this.#takeFree(size) ?? (this.#grow(size) ? this.#takeFree(size) : undefined);
    if (!block) throw this.#outOfMemory(byteLength);
    this.#split(block, size);
    return new CpuBuffer(this, block, byteLength);
  }

  /** Takes a buffer back; its memory may be handed out at once. */
  release(buffer: CpuBuffer): void {
    let block = buffer.detach();
    if (this.#handedOut.delete(buffer)) this.#liveBytes -= buffer.byteLength;
    block.free = true;
    const { previous, next } = block;
    if (next?.free) {
      this.#removeFree(next);
      this.#absorbNext(block);
    }
    if (previous?.free) {
      this.#removeFree(previous);
      this.#absorbNext(previous);
      block = previous;
    }
    this.#addFree(block);
  }

  /** What is in use and what is held. */
  info(): MemoryInfo {
    return {
      liveBytes: this.#liveBytes,
      peakBytes: this.#peakBytes,
      pooledBytes: this.#end - this.#start,
      limitBytes: this.#limitBytes,
    };
  }

  #takeFree(size: number): Block | undefined {
    const at = this.#placeOf(size, 0);
    const block = this.#free[at];
    if (!block) return undefined;
    this.#free.splice(at, 1);
    block.free = false;
    return block;
  }

  // Gives back what a block has beyond `size`.
  #split(block: Block, size: number): void {
    const rest = block.byteLength - size;
    if (rest < 2 * alignment) return;
    block.byteLength = size;
    const tail: Block = {
      address: block.address + size,
      byteLength: rest,
      free: true,
      previous: block,
      next: block.next,
    };
    if (tail.next) tail.next.previous = tail;
    else this.#last = tail;
    block.next = tail;
    this.#addFree(tail);
  }

  #absorbNext(block: Block): void {
    const next = block.next!;
    block.byteLength += next.byteLength;
    block.next = next.next;
    if (block.next) block.next.previous = block;
    else this.#last = block;
  }

  #grow(size: number): boolean {
    const spare = this.#last?.free ? this.#last.byteLength : 0;
    const missing = roundUp(size - spare, pageBytes);
    const current = this.#memory.buffer.byteLength;
    const room = Math.floor((this.#limitBytes - current) / pageBytes) * pageBytes;
    const wish = Math.min(room, Math.max(missing, growthBytes, roundUp(current / 8, pageBytes)));
    for (const bytes of [wish, missing]) {
      if (bytes < missing || bytes > room) continue;
      try {
        this.#memory.grow(bytes / pageBytes);
      } catch {
        continue;
      }
      this.#takeGrown(this.#memory.buffer.byteLength);
      return true;
    }
    return false;
  }

  // Makes the memory up to `end` part of the heap.
  #takeGrown(end: number): void {
    const byteLength = end - this.#end;
    if (byteLength <= 0) return;
    if (this.#last?.free) {
      this.#removeFree(this.#last);
      this.#last.byteLength += byteLength;
      this.#addFree(this.#last);
    } else {
      const block: Block = { address: this.#end, byteLength, free: true, previous: this.#last, next: undefined };
      if (this.#last) this.#last.next = block;
      this.#last = block;
      this.#addFree(block);
    }
    this.#end = end;
  }

  #addFree(block: Block): void {
    this.#free.splice(this.#placeOf(block.byteLength, block.address), 0, block);
  }

  #removeFree(block: Block): void {
    this.#free.splice(this.#placeOf(block.byteLength, block.address), 1);
  }

  // Index of the first free block not before (size, address).
  #placeOf(size: number, address: number): number {
    let low = 0;
    let high = this.#free.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const b = this.#free[middle]!;
      if (b.byteLength < size || (b.byteLength === size && b.address < address)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #outOfMemory(requested: number): TensorError {
    const { liveBytes: live, pooledBytes: pooled, limitBytes: limit } = this.info();
    return new TensorError(
      "out-of-memory",
      `allocate: out of memory, got a request of ${requested} bytes with ${live} live and ${pooled} pooled, ` +
        `expected at most ${limit} in all`,
      { op: "allocate", requested, live, pooled, limit },
    );
  }
}

/** A buffer of the backend's own, replaced by a larger one when it must be. */
export class Workspace {
  readonly #allocator: Allocator;
  #buffer: CpuBuffer | undefined;

  constructor(allocator: Allocator) {
    this.#allocator = allocator;
  }

  /** The address of at least `byteLength` bytes; what was there before is lost. @throws TensorError `out-of-memory` */
  atLeast(byteLength: number): number {
    if (!this.#buffer || this.#buffer.byteLength < byteLength) {
      this.keepAtMost(0);
      this.#buffer = this.#allocator.reserve(byteLength);
    }
    return this.#buffer.address;
  }

  /** Gives the memory back if it is more than `byteLength` bytes. */
  keepAtMost(byteLength: number): void {
    if (!this.#buffer || this.#buffer.byteLength <= byteLength) return;
    const buffer = this.#buffer;
    this.#buffer = undefined;
    this.#allocator.release(buffer);
  }
}

const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;
