// NERModel: a bidirectional LSTM that scores the tags of every token (Huang et al., arXiv 1508.01991). The CRF over
// these scores is the criterion's.

import type { Tensor } from "@torchium/tensor";
import { Dropout, Embedding, init, Linear, LSTM, Module, type ParameterOptions } from "@torchium/tensor/nn";
import { count, type OptionTable } from "@torchium/tensor/options";
import { checkIds, lengthsOf, paddingOf, zeroEmptyRows } from "./inputs.js";
import { dropoutShare, readModelOptions } from "./options.js";

/** Options of `NERModel`. */
export type NEROptions = {
  /** Number of ids; 30000 unless given. */
  readonly vocabSize?: number;
  /** Number of tags; 9 unless given. */
  readonly numTags?: number;
  /** Width of a word's vector; 128 unless given. */
  readonly embeddingDim?: number;
  /** Width of the LSTM in each direction; 256 unless given. */
  readonly hiddenDim?: number;
  /** Layers of the LSTM; 1 unless given. */
  readonly numLayers?: number;
  /** On word vectors, on the LSTM's outputs and between its layers; 0.3 unless given. */
  readonly dropout?: number;
};

const rules = {
  vocabSize: count(30000),
  numTags: count(9),
  embeddingDim: count(128),
  hiddenDim: count(256),
  numLayers: count(1),
  dropout: dropoutShare(0.3),
} satisfies OptionTable<NEROptions>;

/** Tagger; `forward` gives the emissions that `CRFLoss` takes. */
export class NERModel extends Module {
  readonly words: Embedding;
  readonly dropout: Dropout;
  readonly lstm: LSTM;
  readonly output: Linear;

  constructor(options: NEROptions & ParameterOptions = {}) {
    super();
    const { parameters, ...sizes } = readModelOptions("NERModel", rules, options);
    const { vocabSize, numTags, embeddingDim, hiddenDim, numLayers, dropout } = sizes;
    const { generator } = parameters;
    this.words = new Embedding(vocabSize, embeddingDim, parameters);
    init.normal(this.words.weight, 0, 0.1, { generator });
    this.dropout = new Dropout(dropout, { generator });
    const lstm = { ...parameters, numLayers, bidirectional: true, batchFirst: true };
    this.lstm = new LSTM(embeddingDim, hiddenDim, numLayers > 1 ? { ...lstm, dropout } : lstm);
    this.output = new Linear(2 * hiddenDim, numTags, parameters);
  }

  /**
   * Emissions [batch, length, numTags] of `inputIds` [batch, length]. `attentionMask` of the same shape is 1 at real
   * tokens, which come first; the LSTM runs over them alone. A row of padding gives zeros.
   * @throws TensorError `shape`, `dtype`, `index`, `argument`
   */
  forward(inputIds: Tensor, attentionMask?: Tensor): Tensor {
    checkIds("NERModel", "inputIds", inputIds, { maxLen: Number.POSITIVE_INFINITY });
    const padding = paddingOf("NERModel", "attentionMask", attentionMask, inputIds);
    const lengths = attentionMask && lengthsOf("NERModel", "attentionMask", attentionMask);
    const words = this.dropout.forward(this.words.forward(inputIds)); // [batch, length, embeddingDim]
    const [hidden] = this.lstm.forward(words, undefined, { lengths }); // [batch, length, 2·hiddenDim]
    return zeroEmptyRows(this.output.forward(this.dropout.forward(hidden)), padding);
  }
}
