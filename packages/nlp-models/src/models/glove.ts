// GloVeModel: vectors and biases of words and of contexts, fitted to co-occurrence counts (Pennington et al. 2014).

import { noGrad, type Tensor } from "@torchium/tensor";
import { Embedding, init, Module, type ParameterOptions } from "@torchium/tensor/nn";
import { count, flag, type OptionTable } from "@torchium/tensor/options";
import { checkIntegers, checkShape } from "./inputs.js";
import { readModelOptions } from "./options.js";

/** Options of `GloVeModel`. */
export type GloVeOptions = {
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
} satisfies OptionTable<GloVeOptions>;

/** What `GloVeLoss` takes: vectors [B, D], biases [B, 1] and counts [B]. */
export type GloVeOutputs = [
  targetEmb: Tensor,
  contextEmb: Tensor,
  targetBias: Tensor,
  contextBias: Tensor,
  counts: Tensor,
];

/** Vectors and biases of words and of contexts. All start uniform within ±0.5/embeddingDim. */
export class GloVeModel extends Module {
  readonly targets: Embedding;
  readonly contexts: Embedding;
  readonly targetBiases: Embedding;
  readonly contextBiases: Embedding;

  constructor(options: GloVeOptions & ParameterOptions = {}) {
    super();
    const { vocabSize, embeddingDim, sparse, parameters } = readModelOptions("GloVeModel", rules, options);
    const table = (width: number): Embedding => {
      const embedding = new Embedding(vocabSize, width, { ...parameters, sparse });
      init.uniform(embedding.weight, -0.5 / embeddingDim, 0.5 / embeddingDim, { generator: parameters.generator });
      return embedding;
    };
    this.targets = table(embeddingDim);
    this.contexts = table(embeddingDim);
    this.targetBiases = table(1);
    this.contextBiases = table(1);
  }

  /**
   * Vectors and biases of target and context words [B], with the counts [B] as they came, in the order in which
   * `GloVeLoss` takes them. @throws TensorError `shape`, `dtype`, `index`
   */
  forward(target: Tensor, context: Tensor, counts: Tensor): GloVeOutputs {
    for (const [name, ids] of Object.entries({ target, context })) checkIntegers("GloVeModel", name, ids);
    for (const [name, x] of Object.entries({ target, context, counts })) {
      checkShape("GloVeModel", name, x, [target.numel]);
    }
    return [
      this.targets.forward(target),
      this.contexts.forward(context),
      this.targetBiases.forward(target),
      this.contextBiases.forward(context),
      counts,
    ];
  }

  /** The word vectors, [vocabSize, embeddingDim] row by row: the sum of the two tables, as the paper has it. */
  async vectors(): Promise<Float32Array> {
    return Float32Array.from(await noGrad(() => this.targets.weight.add(this.contexts.weight)).data());
  }
}
