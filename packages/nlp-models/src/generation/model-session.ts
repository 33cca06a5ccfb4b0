// The decoding session over a model, with or without remembered keys and values: both give the same logits.

import { compile, type Device, noGrad, type Tensor, tensor } from "@torchium/tensor";
import { DecoderCache } from "./decoder-cache.js";
import { type DecodingSession, logitRows } from "./session.js";

/** How a session runs its model. */
export type SessionOptions = {
  readonly device: Device;
  /** Longest sequence the model takes; what lies further back is forgotten. */
  readonly maxLen: number;
  /** Whether keys and values are remembered. */
  readonly useCache: boolean;
  /**
   * Logits [batch, vocabulary] of what follows the last of `ids` [batch, length]. `remember` says whether these are the
   * ids that come after those the cache has seen, to which they are added, or whole sequences.
   */
  readonly step: (ids: Tensor, cache: DecoderCache, remember: boolean) => Tensor;
};

/** Rows continued by a model. */
export class ModelSession implements DecodingSession {
  readonly #options: SessionOptions;
  readonly #cache: DecoderCache;
  #rows: (readonly number[])[] | undefined;

  /** `cache` may hold what the step needs of each row. */
  constructor(options: SessionOptions, cache = new DecoderCache()) {
    this.#options = options;
    this.#cache = cache;
  }

  async feed(ids: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const { maxLen, useCache } = this.#options;
    const rows = ids.map((row, i) => [...(this.#rows?.[i] ?? []), ...row]);
    this.#rows = rows;
    if (useCache && rows[0]!.length <= maxLen) return this.#step(ids, true);
    // Positions are learned, so a window that slides has nothing in common with the one before.
    if (rows[0]!.length > maxLen) this.#cache.clear();
    return this.#step(
      rows.map((row) => row.slice(-maxLen)),
      false,
    );
  }

  select(rows: readonly number[]): void {
    this.#rows = rows.map((row) => this.#rows![row]!);
    this.#cache.select(this.#ids(rows, [rows.length]));
  }

  close(): void {
    this.#cache.clear();
  }

  /** The logits, and what the cache then holds, are computed in one submission. */
  async #step(ids: readonly (readonly number[])[], remember: boolean): Promise<Float32Array[]> {
    const cache = this.#cache;
    const inputIds = this.#ids(ids.flat(), [ids.length, ids[0]!.length]);
    const run = compile(() => [this.#options.step(inputIds, cache, remember), ...cache.tensors()]);
    const [logits] = noGrad(run) as [Tensor];
    cache.freeReplaced();
    const data = Float32Array.from(await logits.data());
    logits.dispose();
    return logitRows(data, ids.length);
  }

  #ids(ids: readonly number[], shape: readonly number[]): Tensor {
    return tensor(Int32Array.from(ids), { shape, device: this.#options.device });
  }
}
