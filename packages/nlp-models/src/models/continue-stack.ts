// A stack of Transformer layers over new tokens, with the keys and values of earlier ones from a cache: what decoding
// step by step runs. It must compute what the layers' own `forward` computes under a causal mask (tested).

import type { Tensor } from "@torchium/tensor";
import {
  type MultiheadAttention,
  type TransformerDecoder,
  TransformerDecoderLayer,
  type TransformerEncoder,
  type TransformerEncoderLayer,
} from "@torchium/tensor/nn";
import type { DecoderCache } from "../generation/decoder-cache.js";
import { remember } from "./incremental-attention.js";

/** What decoder layers attend to beside their own tokens. */
export type Memory = {
  /** [batch, sourceLength, dModel] */
  readonly hidden: Tensor;
  /** True at padding, [batch, sourceLength]. */
  readonly padding?: Tensor | undefined;
};

type Sublayer = (x: Tensor) => Tensor;
type StackLayer = TransformerEncoderLayer | TransformerDecoderLayer;

/** x [batch, newLength, dModel] through every layer of a causal stack, in evaluation mode. */
export function continueStack(
  stack: TransformerEncoder | TransformerDecoder,
  x: Tensor,
  cache: DecoderCache,
  memory?: Memory,
): Tensor {
  let y = x;
  [...(stack.layers as Iterable<StackLayer>)].forEach((layer, i) => {
    y = continueLayer(layer, `layer ${i}`, y, cache, memory);
  });
  return stack.norm ? stack.norm.forward(y) : y;
}

function continueLayer(layer: StackLayer, name: string, x: Tensor, cache: DecoderCache, memory?: Memory): Tensor {
  const { normFirst, activation } = layer.options;
  const added = (y: Tensor, norm: { forward: Sublayer }, sublayer: Sublayer): Tensor =>
    normFirst ? y.add(sublayer(norm.forward(y))) : norm.forward(y.add(sublayer(y)));
  const attend = (y: Tensor): Tensor => selfAttention(layer.selfAttn, name, y, cache);
  const transform = (y: Tensor): Tensor => layer.linear2.forward((activation as Sublayer)(layer.linear1.forward(y)));
  const y = added(x, layer.norm1, attend);
  if (!(layer instanceof TransformerDecoderLayer)) return added(y, layer.norm2, transform);
  const z = added(y, layer.norm2, (q) => attentionTo(layer.multiheadAttn, `${name} memory`, q, cache, memory!));
  return added(z, layer.norm3, transform);
}

function selfAttention(attention: MultiheadAttention, name: string, x: Tensor, cache: DecoderCache): Tensor {
  const { query, ...added } = attention.project(x, x, x);
  const { key, value, isCausal, visible } = remember(cache, name, added);
  return attention.attend({ query, key, value }, { isCausal, attnMask: visible?.logicalNot() })[0];
}

/** The memory's keys and values are computed once. */
function attentionTo(
  attention: MultiheadAttention,
  name: string,
  x: Tensor,
  cache: DecoderCache,
  { hidden, padding }: Memory,
): Tensor {
  const { query } = attention.project(x, x, x);
  const { key, value } = cache.once(name, () => attention.project(x, hidden, hidden));
  return attention.attend({ query, key, value }, { keyPaddingMask: padding })[0];
}
