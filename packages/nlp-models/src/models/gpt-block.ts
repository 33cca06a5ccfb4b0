// One layer of a GPT: causal self-attention and a feed-forward network, each added to what came in.

import type { Generator, Tensor } from "@torchium/tensor";
import { Dropout, functional as F, LayerNorm, Linear, Module, type ParameterOptions } from "@torchium/tensor/nn";
import type { DecoderCache } from "../generation/decoder-cache.js";
import { type Activation, activations } from "./activation.js";
import { remember } from "./incremental-attention.js";

/** Sizes and kinds of a block. */
export type GPTBlockOptions = {
  readonly dModel: number;
  readonly nhead: number;
  readonly dimFeedforward: number;
  readonly dropout: number;
  readonly activation: Activation;
  readonly normFirst: boolean;
  readonly bias: boolean;
  readonly layerNormEps: number;
};

/** What keeps tokens from being seen, and what was seen before. */
export type GPTBlockInputs = {
  /** True at padding, [batch, length]. */
  readonly padding?: Tensor | undefined;
  /** Keys and values of the tokens before these, to which these are added. */
  readonly cache?: DecoderCache | undefined;
};

/** `x + attention(norm(x))`, then `x + feedForward(norm(x))`; or the norms after the sums. */
export class GPTBlock extends Module {
  readonly attentionNorm: LayerNorm;
  /** Queries, keys and values in one product. */
  readonly qkv: Linear;
  readonly attentionProjection: Linear;
  readonly feedForwardNorm: LayerNorm;
  readonly feedForward: Linear;
  readonly feedForwardProjection: Linear;
  readonly residualDropout: Dropout;
  readonly #options: GPTBlockOptions;
  readonly #generator: Generator | undefined;
  readonly #layer: string;

  /** `layer` names the block in caches. */
  constructor(layer: string, options: GPTBlockOptions, { generator, ...kind }: ParameterOptions) {
    super();
    const { dModel, dimFeedforward, bias, layerNormEps } = options;
    const linear = { ...kind, bias, generator };
    const norm = { ...kind, bias, eps: layerNormEps };
    this.#layer = layer;
    this.#options = options;
    this.#generator = generator;
    this.attentionNorm = new LayerNorm(dModel, norm);
    this.qkv = new Linear(dModel, 3 * dModel, linear);
    this.attentionProjection = new Linear(dModel, dModel, linear);
    this.feedForwardNorm = new LayerNorm(dModel, norm);
    this.feedForward = new Linear(dModel, dimFeedforward, linear);
    this.feedForwardProjection = new Linear(dimFeedforward, dModel, linear);
    this.residualDropout = new Dropout(options.dropout, { generator });
  }

  /** x [batch, length, dModel] to the same shape. */
  forward(x: Tensor, inputs: GPTBlockInputs = {}): Tensor {
    if (this.#options.normFirst) {
      const y = x.add(this.#attention(this.attentionNorm.forward(x), inputs));
      return y.add(this.#transform(this.feedForwardNorm.forward(y)));
    }
    const y = this.attentionNorm.forward(x.add(this.#attention(x, inputs)));
    return this.feedForwardNorm.forward(y.add(this.#transform(y)));
  }

  #attention(x: Tensor, { padding, cache }: GPTBlockInputs): Tensor {
    const { dModel, nhead, dropout } = this.#options;
    const [batch, length] = x.shape as [number, number, number];
    const [query, key, value] = this.qkv
      .forward(x)
      .reshape(batch, length, 3 * nhead, dModel / nhead)
      .split(nhead, 2)
      .map((part) => part.transpose(1, 2)) as [Tensor, Tensor, Tensor]; // [batch, heads, length, headSize] each
    const sight = remember(cache, this.#layer, { key, value });
    const heads = F.scaledDotProductAttention(query, sight.key, sight.value, {
      isCausal: sight.isCausal,
      attnMask: padding?.logicalNot().reshape(batch, 1, 1, length) ?? sight.visible,
      dropoutP: this.training ? dropout : 0,
      generator: this.#generator,
    }); // [batch, heads, length, headSize]
    const joined = heads.transpose(1, 2).reshape(batch, length, dModel);
    return this.residualDropout.forward(this.attentionProjection.forward(joined));
  }

  #transform(x: Tensor): Tensor {
    const inner = activations[this.#options.activation](this.feedForward.forward(x));
    return this.residualDropout.forward(this.feedForwardProjection.forward(inner));
  }
}
