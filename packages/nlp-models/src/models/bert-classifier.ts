// BERTClassifier: a sentence, or a pair of them, to a class, read off the first token (Devlin et al., arXiv 1810.04805).

import type { Tensor } from "@torchium/tensor";
import { Dropout, Linear, Module, type ParameterOptions, ReLU, Sequential, Tanh } from "@torchium/tensor/nn";
import { count, type OptionTable, oneOf } from "@torchium/tensor/options";
import { BERTEncoder, type BERTEncoderOptions, bertEncoderRules } from "./bert-encoder.js";
import { initialiseTransformer } from "./initialise.js";
import { zeroEmptyRows } from "./inputs.js";
import { dropoutShare, readModelOptions } from "./options.js";

/** Options of `BERTClassifier`. */
export type BERTClassifierOptions = BERTEncoderOptions & {
  /** Number of classes; 2 unless given. */
  readonly numClasses?: number;
  /** Between the head's two linear layers; "relu" unless given. Hugging Face's pooler has "tanh". */
  readonly headActivation?: "relu" | "tanh";
  /** Dropout in the head; 0.1 unless given. */
  readonly headDropout?: number;
};

const rules = {
  ...bertEncoderRules,
  numClasses: count(2),
  headActivation: oneOf(["relu", "tanh"], "relu"),
  headDropout: dropoutShare(0.1),
} satisfies OptionTable<BERTClassifierOptions>;

/** Classifier; `forward` gives the logits of the classes. Sizes are BERT-base's unless given. */
export class BERTClassifier extends Module {
  readonly bert: BERTEncoder;
  readonly head: Sequential;

  constructor(options: BERTClassifierOptions & ParameterOptions = {}) {
    super();
    const { parameters, numClasses, headActivation, headDropout, ...sizes } = readModelOptions(
      "BERTClassifier",
      rules,
      options,
    );
    this.bert = new BERTEncoder("BERTClassifier", sizes, parameters);
    this.head = new Sequential(
      new Linear(sizes.dModel, sizes.dModel, parameters),
      headActivation === "relu" ? new ReLU() : new Tanh(),
      new Dropout(headDropout, { generator: parameters.generator }),
      new Linear(sizes.dModel, numClasses, parameters),
    );
    initialiseTransformer(this.head, parameters);
  }

  /**
   * Logits [batch, numClasses] of `inputIds` [batch, length], whose rows begin with [CLS]. `attentionMask` is 1 at real
   * tokens, `segmentIds` says which sentence of a pair a token is of; a row of padding gives zeros.
   * @throws TensorError `shape`, `dtype`, `index`
   */
  forward(inputIds: Tensor, attentionMask?: Tensor, segmentIds?: Tensor): Tensor {
    const { hidden, padding } = this.bert.forward(inputIds, attentionMask, segmentIds);
    return zeroEmptyRows(this.head.forward(hidden.select(1, 0)), padding);
  }
}
