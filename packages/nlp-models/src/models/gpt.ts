// GPTModel: a decoder that predicts the next token (Radford et al. 2019). Changing a token changes no logit before it.

import type { Tensor } from "@torchium/tensor";
import {
  Dropout,
  Embedding,
  functional as F,
  init,
  LayerNorm,
  Linear,
  Module,
  ModuleList,
  type ParameterOptions,
} from "@torchium/tensor/nn";
import { count, flag, number, type OptionTable, oneOf, optional } from "@torchium/tensor/options";
import type { DecoderCache } from "../generation/decoder-cache.js";
import { type Activation, activationNames } from "./activation.js";
import { GPTBlock } from "./gpt-block.js";
import { checkIds, paddingOf, zeroEmptyRows } from "./inputs.js";
import { checkHeads, dropoutShare, readModelOptions } from "./options.js";
import { placesFrom } from "./text-embedding.js";

/** Options of `GPTModel`. */
export type GPTOptions = {
  /** Number of ids; 50000 unless given. */
  readonly vocabSize?: number;
  /** Width; 768 unless given. */
  readonly dModel?: number;
  /** Attention heads; 12 unless given. */
  readonly nhead?: number;
  /** Blocks; 12 unless given. */
  readonly numLayers?: number;
  /** Longest sequence; 1024 unless given. */
  readonly maxLen?: number;
  /** Width inside the feed-forward network; 4·dModel unless given. */
  readonly dimFeedforward?: number;
  /** 0.1 unless given: on embeddings, attention weights and what each sublayer adds. */
  readonly dropout?: number;
  /** "gelu" unless given. */
  readonly activation?: Activation;
  /** Norms before the sublayers and after the last block, as GPT-2 has them, rather than after each sum; true unless given. */
  readonly normFirst?: boolean;
  /** Biases in linear layers and norms; true unless given. */
  readonly bias?: boolean;
  /** The output layer is the token embedding; true unless given. */
  readonly tieWeights?: boolean;
  /** Embeddings are multiplied by √dModel and initialised so much smaller; false unless given. */
  readonly scaleEmbedding?: boolean;
  /** ε of the layer norms; 1e-5 unless given. */
  readonly layerNormEps?: number;
};

const rules = {
  vocabSize: count(50000),
  dModel: count(768),
  nhead: count(12),
  numLayers: count(12),
  maxLen: count(1024),
  dimFeedforward: optional(count()),
  dropout: dropoutShare(0.1),
  activation: oneOf(activationNames, "gelu"),
  normFirst: flag(true),
  bias: flag(true),
  tieWeights: flag(true),
  scaleEmbedding: flag(false),
  layerNormEps: number({ above: 0 }, 1e-5),
} satisfies OptionTable<GPTOptions>;

/** Decoder-only language model; `forward` gives the logits of each next token. */
export class GPTModel extends Module {
  readonly vocabSize: number;
  readonly maxLen: number;
  readonly tokenEmbedding: Embedding;
  readonly positionEmbedding: Embedding;
  readonly dropout: Dropout;
  readonly blocks: ModuleList<GPTBlock>;
  /** After the last block, when norms come first. */
  readonly finalNorm?: LayerNorm;
  /** Unless it is the token embedding. */
  readonly head?: Linear;
  readonly #embeddingScale: number;

  constructor(options: GPTOptions & ParameterOptions = {}) {
    super();
    const { parameters, ...sizes } = readModelOptions("GPTModel", rules, options);
    checkHeads("GPTModel", sizes);
    const { vocabSize, dModel, numLayers, maxLen, bias, dimFeedforward = 4 * dModel } = sizes;
    const { generator, ...kind } = parameters;
    this.vocabSize = vocabSize;
    this.maxLen = maxLen;
    this.tokenEmbedding = new Embedding(vocabSize, dModel, parameters);
    this.positionEmbedding = new Embedding(maxLen, dModel, parameters);
    this.dropout = new Dropout(sizes.dropout, { generator });
    const block = { ...sizes, dimFeedforward };
    this.blocks = new ModuleList(
      Array.from({ length: numLayers }, (_, i) => new GPTBlock(`block ${i}`, block, parameters)),
    );
    if (sizes.normFirst) this.finalNorm = new LayerNorm(dModel, { ...kind, bias, eps: sizes.layerNormEps });
    if (!sizes.tieWeights) this.head = new Linear(dModel, vocabSize, { ...parameters, bias: false });
    this.#embeddingScale = sizes.scaleEmbedding ? Math.sqrt(dModel) : 1;
    this.#initialise(numLayers, sizes.scaleEmbedding ? dModel ** -0.5 : 0.02, parameters);
  }

  /**
   * Logits [batch, length, vocabSize] of what follows each of `inputIds` [batch, length]. `attentionMask` of the same
   * shape is 1 at real tokens; a row without any gives zeros. @throws TensorError `shape`, `dtype`, `index`
   */
  forward(inputIds: Tensor, attentionMask?: Tensor): Tensor {
    checkIds("GPTModel", "inputIds", inputIds, this);
    const padding = paddingOf("GPTModel", "attentionMask", attentionMask, inputIds);
    return this.#logits(zeroEmptyRows(this.#hidden(inputIds, { padding }), padding));
  }

  /**
   * Logits [batch, vocabSize] of what follows the last of `inputIds` [batch, length]. With a cache, the ids are those
   * that come after what it holds, and it then holds them too. @throws TensorError `shape`, `dtype`, `index`
   */
  nextLogits(inputIds: Tensor, cache?: DecoderCache): Tensor {
    checkIds("GPTModel", "inputIds", inputIds, this);
    const hidden = this.#hidden(inputIds, { cache }); // [batch, length, dModel]
    return this.#logits(hidden.select(1, -1));
  }

  #hidden(ids: Tensor, inputs: { readonly padding?: Tensor | undefined; readonly cache?: DecoderCache | undefined }) {
    const seen = inputs.cache?.length("block 0") ?? 0;
    const positions = placesFrom(this.positionEmbedding, seen, ids.shape[1]!); // [length, dModel]
    const embedded = this.tokenEmbedding.forward(ids).add(positions); // [batch, length, dModel]
    let x = this.dropout.forward(this.#embeddingScale === 1 ? embedded : embedded.mul(this.#embeddingScale));
    for (const block of this.blocks) x = block.forward(x, inputs);
    return this.finalNorm ? this.finalNorm.forward(x) : x;
  }

  #logits(hidden: Tensor): Tensor {
    return F.linear(hidden, (this.head ?? this.tokenEmbedding).weight);
  }

  /** GPT-2's: matrices N(0, 0.02), those whose output is added to the residual stream smaller by √(2·layers). */
  #initialise(numLayers: number, embeddingDeviation: number, { generator }: ParameterOptions): void {
    for (const [name, parameter] of this.namedParameters()) {
      if (name.endsWith("bias")) init.zeros(parameter);
      if (parameter.ndim < 2) continue;
      const residual = /projection\.weight$/.test(name) ? Math.sqrt(2 * numLayers) : 1;
      const deviation = /embedding\.weight$/.test(name) ? embeddingDeviation : 0.02 / residual;
      init.normal(parameter, 0, deviation, { generator });
    }
  }
}
