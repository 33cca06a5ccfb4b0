// BERTMaskedLM: what stands where tokens were masked (Devlin et al., arXiv 1810.04805); BERT's own training task.

import { type Tensor, zeros } from "@torchium/tensor";
import { functional as F, LayerNorm, Linear, Module, Parameter, type ParameterOptions } from "@torchium/tensor/nn";
import { activations } from "./activation.js";
import { BERTEncoder, type BERTEncoderOptions, bertEncoderRules } from "./bert-encoder.js";
import { initialiseTransformer } from "./initialise.js";
import { zeroEmptyRows } from "./inputs.js";
import { readModelOptions } from "./options.js";

/** BERT with the head that predicts tokens; its output layer is the token embedding. */
export class BERTMaskedLM extends Module {
  readonly bert: BERTEncoder;
  readonly transform: Linear;
  readonly norm: LayerNorm;
  readonly outputBias: Parameter;
  readonly #activate: (x: Tensor) => Tensor;

  constructor(options: BERTEncoderOptions & ParameterOptions = {}) {
    super();
    const { parameters, ...sizes } = readModelOptions("BERTMaskedLM", bertEncoderRules, options);
    const { dModel, vocabSize, layerNormEps: eps } = sizes;
    const { dtype, device } = parameters;
    this.bert = new BERTEncoder("BERTMaskedLM", sizes, parameters);
    this.transform = new Linear(dModel, dModel, parameters);
    this.norm = new LayerNorm(dModel, { dtype, device, eps });
    this.outputBias = new Parameter(zeros(vocabSize, { dtype, device }));
    this.#activate = activations[sizes.activation];
    initialiseTransformer(this.transform, parameters);
  }

  /**
   * Logits [batch, length, vocabSize] of each token given all of `inputIds` [batch, length]. `attentionMask` is 1 at
   * real tokens; a row of padding gives zeros. @throws TensorError `shape`, `dtype`, `index`
   */
  forward(inputIds: Tensor, attentionMask?: Tensor, segmentIds?: Tensor): Tensor {
    const { hidden, padding } = this.bert.forward(inputIds, attentionMask, segmentIds);
    const transformed = this.norm.forward(this.#activate(this.transform.forward(hidden)));
    const logits = F.linear(transformed, this.bert.embedding.tokens.weight, this.outputBias);
    return zeroEmptyRows(logits, padding);
  }
}
