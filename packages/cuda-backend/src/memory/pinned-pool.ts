// Host memory that the GPU copies from and to by itself. Blocks are kept, and handed out again once the GPU has passed
// the copy that used them.

import type { Gpu } from "../driver/gpu.js";
import type { Stream } from "../driver/stream.js";

const least = 64 * 1024;

/** Pinned bytes and where they lie. */
export type PinnedBlock = { readonly address: number; readonly bytes: Uint8Array };

/** Keeps pinned blocks by size, a power of two. */
export class PinnedPool {
  readonly #gpu: Gpu;
  readonly #stream: Stream;
  readonly #free = new Map<number, PinnedBlock[]>();
  readonly #all: PinnedBlock[] = [];
  /** Blocks of copies to the device, in the order of the stream. */
  readonly #leaving: { readonly block: PinnedBlock; readonly event: number }[] = [];

  constructor(gpu: Gpu, stream: Stream) {
    this.#gpu = gpu;
    this.#stream = stream;
  }

  /** A block of at least `byteLength` bytes. @throws TensorError `out-of-memory` */
  take(byteLength: number): PinnedBlock {
    this.#collect();
    const size = Math.max(least, 2 ** Math.ceil(Math.log2(byteLength)));
    return this.#free.get(size)?.pop() ?? this.#make(size);
  }

  /** Takes a block back that nothing uses any more. */
  give(block: PinnedBlock): void {
    const size = block.bytes.byteLength;
    const list = this.#free.get(size) ?? [];
    list.push(block);
    this.#free.set(size, list);
  }

  /** Takes a block back once the GPU has done all work so far. */
  giveLater(block: PinnedBlock): void {
    this.#leaving.push({ block, event: this.#stream.mark() });
  }

  /** Waits for the oldest copies until at most `count` are under way. */
  settle(count: number): void {
    const { driver } = this.#gpu;
    while (this.#leaving.length > count) {
      driver.check(driver.functions.cuEventSynchronize(this.#leaving[0]!.event), "wait for a copy");
      this.#collect();
    }
  }

  /** Frees everything. */
  close(): void {
    for (const { event } of this.#leaving.splice(0)) this.#stream.recycle(event);
    for (const { address } of this.#all.splice(0)) this.#gpu.driver.functions.cuMemFreeHost(address);
    this.#free.clear();
  }

  #collect(): void {
    while (this.#leaving.length > 0 && this.#stream.reached(this.#leaving[0]!.event)) {
      const { block, event } = this.#leaving.shift()!;
      this.#stream.recycle(event);
      this.give(block);
    }
  }

  #make(size: number): PinnedBlock {
    const { driver } = this.#gpu;
    driver.check(driver.functions.cuMemHostAlloc(driver.out.bytes, size, 0), `pin ${size} bytes of host memory`);
    const address = driver.out.word;
    const bytes = new Uint8Array(driver.host.koffi.view(BigInt(address), size));
    const block = { address, bytes };
    this.#all.push(block);
    return block;
  }
}
