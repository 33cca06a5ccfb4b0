// Word2VecModel: the two tables of skip-gram with negative sampling (Mikolov et al., arXiv 1310.4546).

import { embeddingDot, type Tensor } from "@torchium/tensor";
import { Embedding, init, Module, type ParameterOptions } from "@torchium/tensor/nn";
import { count, flag, type OptionTable } from "@torchium/tensor/options";
import { checkIntegers, checkShape } from "./inputs.js";
import { readModelOptions } from "./options.js";

/** Options of `Word2VecModel`. */
export type Word2VecOptions = {
  /** Number of words; 100000 unless given. */
  readonly vocabSize?: number;
  /** Width of a vector; 300 unless given. */
  readonly embeddingDim?: number;
  /** Row-sparse gradients: a step touches the batch's rows alone; false unless given. */
  readonly sparse?: boolean;
};

const rules = {
  vocabSize: count(100000),
  embeddingDim: count(300),
  sparse: flag(false),
} satisfies OptionTable<Word2VecOptions>;

/** Vectors of words as targets and as contexts. Targets start uniform within ±0.5/embeddingDim, contexts at zero. */
export class Word2VecModel extends Module {
  readonly targets: Embedding;
  readonly contexts: Embedding;

  constructor(options: Word2VecOptions & ParameterOptions = {}) {
    super();
    const { vocabSize, embeddingDim, sparse, parameters } = readModelOptions("Word2VecModel", rules, options);
    const { generator } = parameters;
    this.targets = new Embedding(vocabSize, embeddingDim, { ...parameters, sparse });
    this.contexts = new Embedding(vocabSize, embeddingDim, { ...parameters, sparse });
    init.uniform(this.targets.weight, -0.5 / embeddingDim, 0.5 / embeddingDim, { generator });
    init.zeros(this.contexts.weight);
  }

  /**
   * The vectors that `Word2VecLoss` takes: of target words [B], of their context words [B] and of negative words
   * [B, K]; gives [B, D], [B, D], [B, K, D]. @throws TensorError `shape`, `dtype`, `index`
   */
  forward(target: Tensor, context: Tensor, negatives: Tensor): [target: Tensor, context: Tensor, negatives: Tensor] {
    for (const [name, ids] of Object.entries({ target, context, negatives })) checkIntegers("Word2VecModel", name, ids);
    const pairs = target.numel;
    checkShape("Word2VecModel", "target", target, [pairs]);
    checkShape("Word2VecModel", "context", context, [pairs]);
    checkShape("Word2VecModel", "negatives", negatives, [pairs, negatives.shape[1] ?? 0]);
    return [this.targets.forward(target), this.contexts.forward(context), this.contexts.forward(negatives)];
  }

  /**
   * Scores of words as contexts of target words [B], for `Word2VecLoss.ofScores`: the dot product of each target's vector
   * with the vectors of `words` [B, W] as contexts; [B, W]. Vectors are read where they lie, which takes a fraction of
   * the time and memory of `forward`. @throws TensorError `shape`, `dtype`, `index`
   */
  scores(target: Tensor, words: Tensor): Tensor {
    for (const [name, ids] of Object.entries({ target, words })) checkIntegers("Word2VecModel", name, ids);
    const pairs = target.numel;
    checkShape("Word2VecModel", "target", target, [pairs]);
    checkShape("Word2VecModel", "words", words, [pairs, words.shape[1] ?? 0]);
    const { weight, sparse } = this.contexts;
    return embeddingDot(this.targets.forward(target), weight, words, { sparse });
  }

  /** The word vectors, [vocabSize, embeddingDim] row by row: those of words as targets. */
  async vectors(): Promise<Float32Array> {
    return Float32Array.from(await this.targets.weight.data());
  }
}
