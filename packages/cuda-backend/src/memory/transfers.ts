// Bytes between the host and the GPU, in the stream's order, through pinned memory. Writing returns as soon as the
// bytes are copied aside; reading resolves when the GPU has got there.

import type { Gpu } from "../driver/gpu.js";
import type { Stream } from "../driver/stream.js";
import { type PinnedBlock, PinnedPool } from "./pinned-pool.js";

/** Bytes moved at a time, so that large copies need little pinned memory. */
const pieceBytes = 8 * 2 ** 20;
/** Pieces on their way to the GPU before writing waits. */
const piecesUnderWay = 8;

/** Copies for one stream. */
export class Transfers {
  readonly #gpu: Gpu;
  readonly #stream: Stream;
  readonly #pinned: PinnedPool;

  constructor(gpu: Gpu, stream: Stream) {
    this.#gpu = gpu;
    this.#stream = stream;
    this.#pinned = new PinnedPool(gpu, stream);
  }

  /** Copies `bytes` to a device address, after all work so far; `bytes` may change at once. */
  write(address: number, bytes: Uint8Array): void {
    const { driver } = this.#gpu;
    for (let from = 0; from < bytes.byteLength; from += pieceBytes) {
      const piece = bytes.subarray(from, from + pieceBytes);
      this.#pinned.settle(piecesUnderWay - 1);
      const block = this.#pinned.take(piece.byteLength);
      block.bytes.set(piece);
      const { cuMemcpyHtoDAsync_v2 } = driver.functions;
      driver.check(cuMemcpyHtoDAsync_v2(address + from, block.address, piece.byteLength, this.#stream.handle), "write");
      this.#pinned.giveLater(block);
    }
  }

  /** Bytes at a device address after all work so far. Work queued later does not show. */
  async read(address: number, byteLength: number): Promise<Uint8Array> {
    if (byteLength === 0) return new Uint8Array(0);
    const block = this.#enqueueRead(address, byteLength);
    await this.#stream.passed();
    return this.#takeOut(block, byteLength);
  }

  /** The same at once; stops the event loop. */
  readNow(address: number, byteLength: number): Uint8Array {
    const block = this.#enqueueRead(address, byteLength);
    this.#stream.wait();
    return this.#takeOut(block, byteLength);
  }

  /** Frees pinned memory. */
  close(): void {
    this.#pinned.close();
  }

  // All of it is queued at once: what comes later may overwrite the device's bytes.
  #enqueueRead(address: number, byteLength: number): PinnedBlock {
    const { driver } = this.#gpu;
    const block = this.#pinned.take(byteLength);
    const { cuMemcpyDtoHAsync_v2 } = driver.functions;
    driver.check(cuMemcpyDtoHAsync_v2(block.address, address, byteLength, this.#stream.handle), "read");
    return block;
  }

  #takeOut(block: PinnedBlock, byteLength: number): Uint8Array {
    const bytes = block.bytes.slice(0, byteLength);
    this.#pinned.give(block);
    return bytes;
  }
}
