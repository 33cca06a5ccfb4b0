// Embedding: a table of vectors looked up by id.

import { zeros } from "../../creation.js";
import { argumentError } from "../../errors.js";
import { sliceAssign } from "../../functions.js";
import type { Tensor } from "../../tensor.js";
import { embedding, resolvePadding } from "../functional/embedding.js";
import { normalValues } from "../init/values.js";
import { Module } from "../module.js";
import { checkCount, checkOptions, type ParameterOptions, parameterOptions } from "../options.js";
import { Parameter } from "../parameter.js";

/** Options of `Embedding`. */
export type EmbeddingLayerOptions = ParameterOptions & {
  /** The id whose vector starts at zero and takes no gradient; counted from the end when negative. */
  readonly paddingIdx?: number;
  /** Whether the weight's gradient holds the rows used and no others, for optimizers that take it; false unless given. */
  readonly sparse?: boolean;
};

/** Vectors by id: integer ids of any shape → [ids…, embeddingDim]. They start standard normal. */
export class Embedding extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly paddingIdx: number | undefined;
  readonly sparse: boolean;
  /** [numEmbeddings, embeddingDim]. */
  weight: Parameter;

  /** @throws TensorError `argument` */
  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingLayerOptions = {}) {
    super();
    checkCount("Embedding", "numEmbeddings", numEmbeddings);
    checkCount("Embedding", "embeddingDim", embeddingDim);
    checkOptions("Embedding", options, ["paddingIdx", "sparse", ...parameterOptions]);
    const { paddingIdx, sparse = false } = options;
    if (typeof sparse !== "boolean") throw argumentError("Embedding", "sparse", "true or false", sparse);
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    this.sparse = sparse;
    this.paddingIdx = paddingIdx === undefined ? undefined : resolvePadding("Embedding", paddingIdx, numEmbeddings);
    const values = normalValues([numEmbeddings, embeddingDim], 0, 1, options);
    this.weight = new Parameter(this.paddingIdx === undefined ? values : clearRow(values, this.paddingIdx));
  }

  /** @throws TensorError `index` when the host knows of an id outside the table, `dtype` */
  forward(ids: Tensor): Tensor {
    const { weight, paddingIdx, sparse } = this;
    return embedding(ids, weight, { paddingIdx, sparse });
  }
}

const clearRow = (table: Tensor, row: number): Tensor =>
  sliceAssign(table, zeros([1, table.shape[1]!], { dtype: table.dtype, device: table.device }), 0, row);
