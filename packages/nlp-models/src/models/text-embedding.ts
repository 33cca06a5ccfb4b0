// What stands before the layers of a model of text: tokens, their places and segments become one vector each.

import { arange, type Tensor } from "@torchium/tensor";
import { Dropout, Embedding, init, LayerNorm, Module, type ParameterOptions } from "@torchium/tensor/nn";
import { checkIds, checkIntegers, checkShape } from "./inputs.js";

/** Sizes and kinds of a `TextEmbedding`. */
export type TextEmbeddingOptions = {
  readonly vocabSize: number;
  readonly dModel: number;
  readonly maxLen: number;
  /** Kinds of segments; none unless given. */
  readonly segments?: number;
  /** Whether the sum is multiplied by √dModel; the tables are then initialised so much smaller. */
  readonly scale: boolean;
  /** ε of a layer norm after the sum; no norm unless given. */
  readonly normEps?: number | undefined;
  readonly dropout: number;
};

/** `dropout(norm((token + position + segment)·√dModel))`; scale, segments and norm where asked for. */
export class TextEmbedding extends Module {
  readonly tokens: Embedding;
  readonly positions: Embedding;
  readonly segments?: Embedding;
  readonly norm?: LayerNorm;
  readonly dropout: Dropout;
  readonly maxLen: number;
  readonly #owner: string;
  readonly #scale: number;

  /** `owner` is the model that errors name. */
  constructor(owner: string, options: TextEmbeddingOptions, parameters: ParameterOptions) {
    super();
    const { vocabSize, dModel, maxLen, segments, scale, normEps } = options;
    const { generator, ...kind } = parameters;
    const table = (size: number): Embedding => {
      const embedding = new Embedding(size, dModel, parameters);
      init.normal(embedding.weight, 0, dModel ** -0.5, { generator });
      return embedding;
    };
    this.#owner = owner;
    this.#scale = scale ? Math.sqrt(dModel) : 1;
    this.maxLen = maxLen;
    this.tokens = table(vocabSize);
    this.positions = table(maxLen);
    if (segments !== undefined) this.segments = table(segments);
    if (normEps !== undefined) this.norm = new LayerNorm(dModel, { ...kind, eps: normEps });
    this.dropout = new Dropout(options.dropout, { generator });
  }

  /**
   * ids [batch, length] to [batch, length, dModel]; the first id stands at position `from`. Without `segmentIds` all
   * are of segment 0. @throws TensorError `shape`, `dtype`, `index`
   */
  forward(name: string, ids: Tensor, { from = 0, segmentIds }: { from?: number; segmentIds?: Tensor } = {}): Tensor {
    const owner = this.#owner;
    checkIds(owner, name, ids, { maxLen: this.maxLen - from });
    let sum = this.tokens.forward(ids).add(placesFrom(this.positions, from, ids.shape[1]!));
    if (this.segments && segmentIds) {
      checkIntegers(owner, "segmentIds", segmentIds);
      checkShape(owner, "segmentIds", segmentIds, ids.shape);
      sum = sum.add(this.segments.forward(segmentIds));
    } else if (this.segments) sum = sum.add(this.segments.weight.select(0, 0));
    const scaled = this.#scale === 1 ? sum : sum.mul(this.#scale);
    return this.dropout.forward(this.norm ? this.norm.forward(scaled) : scaled);
  }
}

/**
 * The vectors of `length` places from `from` on, [length, width]. Later places are looked up and not sliced: an offset
 * that grows with each generated token would make each step new to the device.
 */
export function placesFrom(table: Embedding, from: number, length: number): Tensor {
  if (from === 0) return table.weight.narrow(0, 0, length);
  return table.forward(arange(from, from + length, 1, { device: table.weight.device }));
}
