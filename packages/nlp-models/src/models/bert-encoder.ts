// BERTEncoder: embeddings and a stack of encoder layers (Devlin et al., arXiv 1810.04805), on which heads stand.

import type { Tensor } from "@torchium/tensor";
import { Module, type ParameterOptions, type TransformerEncoder } from "@torchium/tensor/nn";
import { count, flag, type OptionTable } from "@torchium/tensor/options";
import { paddingOf } from "./inputs.js";
import { checkHeads, type ResolvedModel } from "./options.js";
import { TextEmbedding } from "./text-embedding.js";
import { encoderStack, type TransformerOptions, transformerRules } from "./transformer-stack.js";

/** Options of `BERTEncoder` and of the models on it. */
export type BERTEncoderOptions = TransformerOptions & {
  /** Number of ids; 30000 unless given. */
  readonly vocabSize?: number;
  /** Kinds of segments; 2 unless given. */
  readonly numSegments?: number;
  /** A layer norm after the sum of embeddings; true unless given. */
  readonly embeddingNorm?: boolean;
};

/** The rules of these options. */
export const bertEncoderRules = {
  vocabSize: count(30000),
  ...transformerRules({ dModel: 768, nhead: 12, numLayers: 12, maxLen: 512 }),
  numSegments: count(2),
  embeddingNorm: flag(true),
} satisfies OptionTable<BERTEncoderOptions>;

/** Tokens to vectors that know their whole sentence. */
export class BERTEncoder extends Module {
  readonly embedding: TextEmbedding;
  readonly encoder: TransformerEncoder;
  readonly #owner: string;

  /** `owner` is the model that errors name. */
  constructor(
    owner: string,
    sizes: Omit<ResolvedModel<typeof bertEncoderRules>, "parameters">,
    parameters: ParameterOptions,
  ) {
    super();
    checkHeads(owner, sizes);
    const { vocabSize, dModel, maxLen, numSegments, embeddingNorm, layerNormEps, dropout } = sizes;
    const normEps = embeddingNorm ? layerNormEps : undefined;
    const embedding = {
      vocabSize,
      dModel,
      maxLen,
      segments: numSegments,
      scale: sizes.scaleEmbedding,
      normEps,
      dropout,
    };
    this.#owner = owner;
    this.embedding = new TextEmbedding(owner, embedding, parameters);
    this.encoder = encoderStack(sizes, parameters);
  }

  /**
   * Hidden states [batch, length, dModel] of `inputIds` [batch, length], and where the batch is padding. The mask is 1
   * at real tokens; without `segmentIds` all is of segment 0. @throws TensorError `shape`, `dtype`, `index`
   */
  forward(
    inputIds: Tensor,
    attentionMask?: Tensor,
    segmentIds?: Tensor,
  ): { readonly hidden: Tensor; readonly padding: Tensor | undefined } {
    const embedded = this.embedding.forward("inputIds", inputIds, segmentIds ? { segmentIds } : {});
    const padding = paddingOf(this.#owner, "attentionMask", attentionMask, inputIds);
    return { hidden: this.encoder.forward(embedded, { srcKeyPaddingMask: padding }), padding };
  }
}
