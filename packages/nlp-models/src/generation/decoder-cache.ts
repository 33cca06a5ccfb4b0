// What a decoder remembers of its rows, so that a new token attends to earlier ones without running them again.
// Keys and values have room for more tokens than there are, and a token is written by a comparison of places: sizes and
// offsets then change only now and then, and a step at known ones is several times cheaper than one at new ones.
// The first axis of all that is held is the batch.

import { arange, type Tensor } from "@torchium/tensor";

/** What attention looks at: keys and values [batch, heads, length, headSize]. */
export type KeysAndValues = { readonly key: Tensor; readonly value: Tensor };

/** Room for tokens comes in blocks of this many. */
const block = 64;

/** Tensors by name, whose rows belong to the rows that are decoded. */
export class DecoderCache {
  readonly #held = new Map<string, Tensor>();
  readonly #lengths = new Map<string, number>();
  #places: Tensor | undefined;
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
    return this.#lengths.get(layer) ?? 0;
  }

  /** The keys and values of an attention layer that does not grow; what `compute` gives is held the first time. */
  once(layer: string, compute: () => KeysAndValues): KeysAndValues {
    if (!this.#held.has(`${layer} key`)) {
      const { key, value } = compute();
      this.set(`${layer} key`, key);
      this.set(`${layer} value`, value);
    }
    return this.#keysAndValues(layer);
  }

  /**
   * Adds keys and values of new tokens to an attention layer; gives all that it now holds. The places from `length` on
   * are room for more, and must not be looked at.
   */
  extend(layer: string, { key, value }: KeysAndValues): KeysAndValues {
    const length = this.length(layer) + key.shape[2]!;
    this.set(`${layer} key`, this.#joined(layer, `${layer} key`, key));
    this.set(`${layer} value`, this.#joined(layer, `${layer} value`, value));
    this.#lengths.set(layer, length);
    return this.#keysAndValues(layer);
  }

  /** 0, 1, 2, … for every place of keys or values that there is room for, int32. */
  placesOf(keys: Tensor): Tensor {
    const room = keys.shape[2]!;
    if (this.#places?.shape[0] === room) return this.#places;
    if (this.#places) this.#replaced.push(this.#places);
    this.#places = arange(0, room, 1, { device: keys.device });
    return this.#places;
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
    this.#lengths.clear();
    this.#places?.dispose();
    this.#places = undefined;
    this.freeReplaced();
  }

  /** `added` [batch, heads, new, size] after what a layer has seen, in an array with room for it. */
  #joined(layer: string, name: string, added: Tensor): Tensor {
    const seen = this.length(layer);
    const needed = seen + added.shape[2]!;
    const room = Math.ceil(needed / block) * block;
    const before = this.#held.get(name);
    if (!before) return added.pad(2, 0, room - needed);
    const missing = room - before.shape[2]!;
    const roomy = missing > 0 ? before.pad(2, 0, missing) : before;
    if (needed > seen + 1) return roomy.sliceAssign(added, 2, seen);
    return this.placesOf(roomy).eq(seen).unsqueeze(1).where(added, roomy);
  }

  #keysAndValues(layer: string): KeysAndValues {
    return { key: this.#held.get(`${layer} key`)!, value: this.#held.get(`${layer} value`)! };
  }
}
