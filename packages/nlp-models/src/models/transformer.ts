// TransformerModel: a language model that is an encoder stack under a causal mask (Vaswani et al., arXiv 1706.03762).

import type { Tensor } from "@torchium/tensor";
import { functional as F, Linear, Module, type ParameterOptions, type TransformerEncoder } from "@torchium/tensor/nn";
import { count, flag, type OptionTable } from "@torchium/tensor/options";
import type { DecoderCache } from "../generation/decoder-cache.js";
import { continueStack } from "./continue-stack.js";
import { initialiseTransformer } from "./initialise.js";
import { paddingOf, zeroEmptyRows } from "./inputs.js";
import { checkHeads, readModelOptions } from "./options.js";
import { TextEmbedding } from "./text-embedding.js";
import { encoderStack, type TransformerOptions, transformerRules } from "./transformer-stack.js";

/** Options of `TransformerModel`. */
export type TransformerModelOptions = TransformerOptions & {
  /** Number of ids; 50000 unless given. */
  readonly vocabSize?: number;
  /** The output layer is the token embedding and has no bias; false unless given. */
  readonly tieWeights?: boolean;
};

const rules = {
  vocabSize: count(50000),
  ...transformerRules({ dModel: 512, nhead: 8, numLayers: 6, maxLen: 1000 }),
  tieWeights: flag(false),
} satisfies OptionTable<TransformerModelOptions>;

/**
 * Causal language model; `forward` gives the logits of each next token. Sizes are 512 wide, 8 heads, 6 layers, 1000
 * tokens unless given.
 */
export class TransformerModel extends Module {
  readonly vocabSize: number;
  readonly maxLen: number;
  readonly embedding: TextEmbedding;
  readonly encoder: TransformerEncoder;
  /** Unless it is the token embedding. */
  readonly output?: Linear;

  constructor(options: TransformerModelOptions & ParameterOptions = {}) {
    super();
    const { parameters, ...sizes } = readModelOptions("TransformerModel", rules, options);
    checkHeads("TransformerModel", sizes);
    const { vocabSize, dModel, maxLen, scaleEmbedding: scale, dropout } = sizes;
    this.vocabSize = vocabSize;
    this.maxLen = maxLen;
    this.embedding = new TextEmbedding("TransformerModel", { vocabSize, dModel, maxLen, scale, dropout }, parameters);
    this.encoder = encoderStack(sizes, parameters);
    if (sizes.tieWeights) return;
    this.output = new Linear(dModel, vocabSize, parameters);
    initialiseTransformer(this.output, parameters);
  }

  /**
   * Logits [batch, length, vocabSize] of what follows each of `inputIds` [batch, length]. `attentionMask` of the same
   * shape is 1 at real tokens; a row without any gives zeros. @throws TensorError `shape`, `dtype`, `index`
   */
  forward(inputIds: Tensor, attentionMask?: Tensor): Tensor {
    const embedded = this.embedding.forward("inputIds", inputIds);
    const padding = paddingOf("TransformerModel", "attentionMask", attentionMask, inputIds);
    const hidden = this.encoder.forward(embedded, { isCausal: true, srcKeyPaddingMask: padding });
    return zeroEmptyRows(this.#logits(hidden), padding);
  }

  /**
   * Logits [batch, vocabSize] of what follows the last of `inputIds` [batch, length]. With a cache, the ids are those
   * that come after what it holds, and it then holds them too. @throws TensorError `shape`, `dtype`, `index`
   */
  nextLogits(inputIds: Tensor, cache?: DecoderCache): Tensor {
    const from = cache?.length("layer 0") ?? 0;
    const embedded = this.embedding.forward("inputIds", inputIds, { from });
    const hidden = cache
      ? continueStack(this.encoder, embedded, cache)
      : this.encoder.forward(embedded, { isCausal: true }); // [batch, length, dModel]
    return this.#logits(hidden.select(1, -1));
  }

  #logits(hidden: Tensor): Tensor {
    return this.output ? this.output.forward(hidden) : F.linear(hidden, this.embedding.tokens.weight);
  }
}
