// What launches need of an open device, and the one place that enqueues a kernel.

import type { Kernels, KernelText } from "../compile/kernels.js";
import type { Gpu } from "../driver/gpu.js";
import type { Stream } from "../driver/stream.js";
import type { Block, BlockAllocator } from "../memory/block-allocator.js";
import type { Arguments } from "./params.js";

/** Threads of a block, and blocks of a grid. */
export type Geometry = { readonly blocks: readonly [x: number, y: number, z: number]; readonly threads: number };

/** Scratch memory starts at multiples of this. */
const scratchAlignment = 512;

/** What takes work in the place of the stream: a graph that is made, or brought up to date. */
export interface Recording {
  kernel(handle: number, geometry: Geometry, params: Arguments, label: string): void;
  call(words: readonly number[], enqueue: () => void, label: string): void;
  /** Where scratch memory starts: all that one run needs, measured before. */
  readonly scratch: number;
}

/** What a session is made of. */
type SessionParts = Pick<
  Session,
  "gpu" | "stream" | "kernels" | "memory" | "narrowLimit" | "longBlock" | "synchronous" | "mostArguments"
>;

/** An open device, as launches see it. */
export class Session {
  readonly gpu: Gpu;
  readonly stream: Stream;
  readonly kernels: Kernels;
  readonly memory: BlockAllocator;
  /** Launches that reach further count in 64 bits. */
  readonly narrowLimit: number;
  /** Blocks with more elements of rows share them. */
  readonly longBlock: number;
  /** Bytes of arguments that one launch may have. */
  readonly mostArguments: number;
  /** Wait after every launch, so that an error names its kernel. */
  readonly synchronous: boolean;
  readonly #arguments: Uint8Array;
  readonly #pointers: number;
  readonly #owned: readonly unknown[];
  #recording: Recording | undefined;
  #scratchBytes = 0;
  #mostScratch = 0;

  constructor({ gpu, stream, kernels, memory, synchronous, narrowLimit, longBlock, mostArguments }: SessionParts) {
    this.gpu = gpu;
    this.stream = stream;
    this.kernels = kernels;
    this.memory = memory;
    this.narrowLimit = narrowLimit;
    this.longBlock = longBlock;
    this.mostArguments = mostArguments;
    this.synchronous = synchronous;
    const { koffi } = gpu.driver.host;
    // The driver copies arguments during the call, so one block serves every launch.
    const block = koffi.alloc("uint8_t", mostArguments);
    const pointers = koffi.alloc("uint64_t", 1);
    this.#owned = [block, pointers];
    this.#arguments = new Uint8Array(koffi.view(block, mostArguments));
    new BigUint64Array(koffi.view(pointers, 8))[0] = koffi.address(block);
    this.#pointers = Number(koffi.address(pointers));
  }

  /** Enqueues a kernel. */
  launch(text: KernelText, geometry: Geometry, params: Arguments, label: string): void {
    const { driver } = this.gpu;
    const handle = this.kernels.get(text);
    if (this.#recording) {
      this.#recording.kernel(handle, geometry, params, label);
      return;
    }
    const [x, y, z] = geometry.blocks;
    const at = this.place(params);
    const { cuLaunchKernel } = driver.functions;
    const code = cuLaunchKernel(handle, x, y, z, geometry.threads, 1, 1, 0, this.stream.handle, at, 0);
    if (code !== 0) throw driver.error(code, `launch ${label}`);
    this.#settle(label);
  }

  /** Lets a library enqueue work on the stream. `words` are all that it depends on: equal words, equal work. */
  call(words: readonly number[], enqueue: () => void, label: string): void {
    if (this.#recording) {
      this.#recording.call(words, enqueue, label);
      return;
    }
    enqueue();
    this.#settle(label);
  }

  /** Puts arguments where the driver reads them during its next call; gives the address of the list of arguments. */
  place(params: Arguments): number {
    this.#arguments.set(params.bytes);
    return this.#pointers;
  }

  /** Runs `body` with device memory that is free again behind what `body` enqueues. */
  withScratch<T>(byteLength: number, body: (address: number) => T): T {
    const size = Math.ceil(Math.max(1, byteLength) / scratchAlignment) * scratchAlignment;
    const before = this.#scratchBytes;
    this.#scratchBytes += size;
    this.#mostScratch = Math.max(this.#mostScratch, this.#scratchBytes);
    const block: Block | undefined = this.#recording ? undefined : this.memory.allocate(size);
    try {
      return body(block?.address ?? this.#recording!.scratch + before);
    } finally {
      if (block) this.memory.release(block);
      this.#scratchBytes = before;
    }
  }

  /** Runs `body`; gives the most scratch memory that it had in use. */
  measureScratch(body: () => void): number {
    this.#mostScratch = 0;
    body();
    return this.#mostScratch;
  }

  /** Runs `body` with its work going to `recording`. */
  record(recording: Recording, body: () => void): void {
    const around = this.#scratchBytes;
    this.#recording = recording;
    this.#scratchBytes = 0;
    try {
      body();
    } finally {
      this.#recording = undefined;
      this.#scratchBytes = around;
    }
  }

  #settle(label: string): void {
    if (!this.synchronous) return;
    const { driver } = this.gpu;
    driver.check(driver.functions.cuStreamSynchronize(this.stream.handle), `run ${label}`);
  }

  /** Frees what is not the driver's. */
  close(): void {
    for (const block of this.#owned) this.gpu.driver.host.koffi.free(block);
  }
}
