// What a decoder remembers of its rows, so that a new token attends to earlier ones without running them again.
// Lengths are sizes of arrays, so a growing cache compiles nothing. The first axis of all that is held is the batch.

import { cat, type Tensor } from "@torchium/tensor";

/** What attention looks at: keys and values [batch, heads, length, headSize]. */
export type KeysAndValues = { readonly key: Tensor; readonly value: Tensor };

/** Tensors by name, whose rows belong to the rows that are decoded. */
export class DecoderCache {
  readonly #held = new Map<string, Tensor>();
  #replaced: Tensor[] = [];

  /** What is held under a name. */
  get(name: string): Tensor | undefined {
    return this.#held.get(name);
  }

  /** Holds a tensor under a name. */
  set(name: string, held: Tensor): void {
    const before = this.#held.get(name);
    if (before) this.#replaced.push(before);
    this.#held.set(name, held);
  }

  /** How many tokens an attention layer has seen. */
  length(layer: string): number {
    return this.#held.get(`${layer} key`)?.shape[2] ?? 0;
  }

  /** The keys and values of an attention layer; what `compute` gives is held the first time. */
  once(layer: string, compute: () => KeysAndValues): KeysAndValues {
    return this.length(layer) === 0 ? this.extend(layer, compute()) : this.#keysAndValues(layer);
  }

  /** Adds keys and values of new tokens to an attention layer; gives all that it now holds. */
  extend(layer: string, { key, value }: KeysAndValues): KeysAndValues {
    for (const [name, added] of [
      [`${layer} key`, key],
      [`${layer} value`, value],
    ] as const) {
      const before = this.#held.get(name);
      this.set(name, before ? cat([before, added], 2) : added);
    }
    return this.#keysAndValues(layer);
  }

  /** Goes on with these rows, in this order; `rows` is int32 [newBatch]. */
  select(rows: Tensor): void {
    for (const [name, held] of this.#held) this.set(name, held.indexSelect(0, rows));
  }

  /** All that is held. */
  tensors(): Tensor[] {
    return [...this.#held.values()];
  }

  /** Frees what was held before; to be called when what is held now has been computed. */
  freeReplaced(): void {
    for (const t of this.#replaced) t.dispose();
    this.#replaced = [];
  }

  /** Frees everything. */
  clear(): void {
    for (const t of this.tensors()) t.dispose();
    this.#held.clear();
    this.freeReplaced();
  }

  #keysAndValues(layer: string): KeysAndValues {
    return { key: this.#held.get(`${layer} key`)!, value: this.#held.get(`${layer} value`)! };
  }
}
