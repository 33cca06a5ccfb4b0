// What launches need of an open device, and the one place that enqueues a kernel.

import type { Kernels, KernelText } from "../compile/kernels.js";
import type { Gpu } from "../driver/gpu.js";
import type { Stream } from "../driver/stream.js";
import type { Block, BlockAllocator } from "../memory/block-allocator.js";
import type { ParamsBlock } from "./params.js";

/** Threads of a block, and blocks of a grid. */
export type Geometry = { readonly blocks: readonly [x: number, y: number, z: number]; readonly threads: number };

const parameterBytes = 4096;

/** What a session is made of. */
type SessionParts = Pick<Session, "gpu" | "stream" | "kernels" | "memory" | "narrowLimit"> & {
  readonly synchronous: boolean;
};

/** An open device, as launches see it. */
export class Session {
  readonly gpu: Gpu;
  readonly stream: Stream;
  readonly kernels: Kernels;
  readonly memory: BlockAllocator;
  /** Launches that reach further count in 64 bits. */
  readonly narrowLimit: number;
  /** Wait after every launch, so that an error names its kernel. */
  readonly #synchronous: boolean;
  readonly #arguments: Uint8Array;
  readonly #pointers: number;
  readonly #owned: readonly unknown[];

  constructor({ gpu, stream, kernels, memory, synchronous, narrowLimit }: SessionParts) {
    this.gpu = gpu;
    this.stream = stream;
    this.kernels = kernels;
    this.memory = memory;
    this.narrowLimit = narrowLimit;
    this.#synchronous = synchronous;
    const { koffi } = gpu.driver.host;
    // The driver copies arguments during the call, so one block serves every launch.
    const block = koffi.alloc("uint8_t", parameterBytes);
    const pointers = koffi.alloc("uint64_t", 1);
    this.#owned = [block, pointers];
    this.#arguments = new Uint8Array(koffi.view(block, parameterBytes));
    new BigUint64Array(koffi.view(pointers, 8))[0] = koffi.address(block);
    this.#pointers = Number(koffi.address(pointers));
  }

  /** Enqueues a kernel. */
  launch(text: KernelText, { blocks, threads }: Geometry, params: ParamsBlock, label: string): void {
    const { driver } = this.gpu;
    const handle = this.kernels.get(text);
    this.#arguments.set(params.bytes);
    const [x, y, z] = blocks;
    const { cuLaunchKernel } = driver.functions;
    const code = cuLaunchKernel(handle, x, y, z, threads, 1, 1, 0, this.stream.handle, this.#pointers, 0);
    if (code !== 0) throw driver.error(code, `launch ${label}`);
    if (!this.#synchronous) return;
    driver.check(driver.functions.cuStreamSynchronize(this.stream.handle), `run ${label}`);
  }

  /** Runs `body` with device memory that is free again behind what `body` enqueues. */
  withScratch<T>(byteLength: number, body: (address: number) => T): T {
    const block: Block = this.memory.allocate(Math.max(1, byteLength));
    try {
      return body(block.address);
    } finally {
      this.memory.release(block);
    }
  }

  /** Frees what is not the driver's. */
  close(): void {
    for (const block of this.#owned) this.gpu.driver.host.koffi.free(block);
  }
}
