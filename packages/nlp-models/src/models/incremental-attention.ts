// Causal self-attention over new tokens: each sees what the cache holds, and of the new ones those up to itself.

import { arange, type Device, noGrad, type Tensor } from "@torchium/tensor";
import type { DecoderCache, KeysAndValues } from "../generation/decoder-cache.js";

/** Keys and values that `length` new queries see, and which of the keys each sees. */
export type Sight = KeysAndValues & {
  /** Query i sees keys 0 to i. */
  readonly isCausal: boolean;
  /** [queries, keys], true takes part; undefined where `isCausal` says it all. */
  readonly visible: Tensor | undefined;
};

/** Adds the keys and values of new tokens to a layer of the cache, where there is one. */
export function remember(cache: DecoderCache | undefined, layer: string, added: KeysAndValues): Sight {
  const seen = cache?.length(layer) ?? 0;
  const all = cache?.extend(layer, added) ?? added;
  const length = added.key.shape[2]!;
  return {
    ...all,
    isCausal: seen === 0,
    // A single new token sees everything.
    visible: seen === 0 || length === 1 ? undefined : upToItself(seen, length, added.key.device),
  };
}

/** True where a key stands at or before a query, for queries that follow `seen` keys. */
const upToItself = (seen: number, length: number, device: Device): Tensor =>
  noGrad(() => arange(0, seen + length, 1, { device }).le(arange(seen, seen + length, 1, { device }).unsqueeze(1)));
