// Causal self-attention over new tokens: each sees what the cache holds, and of the new ones those up to itself.

import { arange, noGrad, type Tensor } from "@torchium/tensor";
import type { DecoderCache, KeysAndValues } from "../generation/decoder-cache.js";

/** Keys and values that new queries see, and which of the keys each sees. */
export type Sight = KeysAndValues & {
  /** Query i sees keys 0 to i. */
  readonly isCausal: boolean;
  /** [queries, keys], true takes part; undefined where `isCausal` says it all. */
  readonly visible: Tensor | undefined;
};

/** Adds the keys and values of new tokens to a layer of the cache, where there is one. */
export function remember(cache: DecoderCache | undefined, layer: string, added: KeysAndValues): Sight {
  const seen = cache?.length(layer) ?? 0;
  const all = cache?.extend(layer, added);
  if (!cache || !all || seen === 0) return { ...added, isCausal: true, visible: undefined };
  const length = added.key.shape[2]!;
  const places = cache.placesOf(all.key);
  const { device } = places;
  const visible = noGrad(() =>
    length === 1 ? places.le(seen).unsqueeze(0) : places.le(arange(seen, seen + length, 1, { device }).unsqueeze(1)),
  );
  return { ...all, isCausal: false, visible };
}
