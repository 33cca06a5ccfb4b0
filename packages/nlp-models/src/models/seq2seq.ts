// Seq2SeqModel: an encoder-decoder Transformer from one language to another (Vaswani et al., arXiv 1706.03762).

import type { Tensor } from "@torchium/tensor";
import {
  Linear,
  Module,
  type ParameterOptions,
  type TransformerDecoder,
  type TransformerEncoder,
} from "@torchium/tensor/nn";
import { count, type OptionTable } from "@torchium/tensor/options";
import type { DecoderCache } from "../generation/decoder-cache.js";
import { continueStack, type Memory } from "./continue-stack.js";
import { initialiseTransformer } from "./initialise.js";
import { checkShape, paddingOf, zeroEmptyRows } from "./inputs.js";
import { checkHeads, readModelOptions } from "./options.js";
import { TextEmbedding } from "./text-embedding.js";
import { decoderStack, encoderStack, type TransformerOptions, transformerRules } from "./transformer-stack.js";

/** Options of `Seq2SeqModel`. */
export type Seq2SeqOptions = TransformerOptions & {
  /** Number of source ids; 30000 unless given. */
  readonly inputVocabSize?: number;
  /** Number of target ids; 30000 unless given. */
  readonly outputVocabSize?: number;
};

const rules = {
  inputVocabSize: count(30000),
  outputVocabSize: count(30000),
  ...transformerRules({ dModel: 512, nhead: 8, numLayers: 6, maxLen: 1000 }),
} satisfies OptionTable<Seq2SeqOptions>;

/**
 * Encoder-decoder; `forward` gives the logits of what follows each target token. Sizes are 512 wide, 8 heads, 6 + 6
 * layers, 1000 tokens unless given. Masks are 1 at real tokens.
 */
export class Seq2SeqModel extends Module {
  readonly inputVocabSize: number;
  readonly outputVocabSize: number;
  readonly maxLen: number;
  readonly sourceEmbedding: TextEmbedding;
  readonly targetEmbedding: TextEmbedding;
  readonly encoder: TransformerEncoder;
  readonly decoder: TransformerDecoder;
  readonly output: Linear;

  constructor(options: Seq2SeqOptions & ParameterOptions = {}) {
    super();
    const { parameters, ...sizes } = readModelOptions("Seq2SeqModel", rules, options);
    checkHeads("Seq2SeqModel", sizes);
    const { inputVocabSize, outputVocabSize, dModel, maxLen, scaleEmbedding: scale, dropout } = sizes;
    const embedding = (vocabSize: number): TextEmbedding =>
      new TextEmbedding("Seq2SeqModel", { vocabSize, dModel, maxLen, scale, dropout }, parameters);
    this.inputVocabSize = inputVocabSize;
    this.outputVocabSize = outputVocabSize;
    this.maxLen = maxLen;
    this.sourceEmbedding = embedding(inputVocabSize);
    this.targetEmbedding = embedding(outputVocabSize);
    this.encoder = encoderStack(sizes, parameters);
    this.decoder = decoderStack(sizes, parameters);
    this.output = new Linear(dModel, outputVocabSize, parameters);
    initialiseTransformer(this.output, parameters);
  }

  /**
   * Logits [batch, targetLength, outputVocabSize] of what follows each of `tgt` [batch, targetLength], which begins with
   * BOS, given `src` [batch, sourceLength]. A target row of padding gives zeros.
   * @throws TensorError `shape`, `dtype`, `index`
   */
  forward(src: Tensor, tgt: Tensor, srcMask?: Tensor, tgtMask?: Tensor): Tensor {
    const memory = this.encode(src, srcMask);
    const embedded = this.targetEmbedding.forward("tgt", tgt);
    checkShape("Seq2SeqModel", "tgt", tgt, [src.shape[0]!, tgt.shape[1]!]);
    const padding = paddingOf("Seq2SeqModel", "tgtMask", tgtMask, tgt);
    const hidden = this.decoder.forward(embedded, memory.hidden, {
      tgtIsCausal: true,
      tgtKeyPaddingMask: padding,
      memoryKeyPaddingMask: memory.padding,
    });
    return zeroEmptyRows(this.output.forward(hidden), padding);
  }

  /** The sources as the decoder sees them. @throws TensorError `shape`, `dtype`, `index` */
  encode(src: Tensor, srcMask?: Tensor): Memory {
    const embedded = this.sourceEmbedding.forward("src", src);
    const padding = paddingOf("Seq2SeqModel", "srcMask", srcMask, src);
    return { hidden: this.encoder.forward(embedded, { srcKeyPaddingMask: padding }), padding };
  }

  /**
   * Logits [batch, outputVocabSize] of what follows the last of `tgt` [batch, length]. With a cache, `tgt` is what comes
   * after the ids it holds, and it then holds them too. @throws TensorError `shape`, `dtype`, `index`
   */
  nextLogits(tgt: Tensor, memory: Memory, cache?: DecoderCache): Tensor {
    const from = cache?.length("layer 0") ?? 0;
    const embedded = this.targetEmbedding.forward("tgt", tgt, { from });
    const hidden = cache
      ? continueStack(this.decoder, embedded, cache, memory)
      : this.decoder.forward(embedded, memory.hidden, { tgtIsCausal: true, memoryKeyPaddingMask: memory.padding });
    return this.output.forward(hidden.select(1, -1)); // of [batch, length, dModel] the last
  }
}
