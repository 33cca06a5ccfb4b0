// Embedding: a table of vectors looked up by id.

import { zeros } from "../../creation.js";
import { argumentError, TensorError } from "../../errors.js";
import { sliceAssign } from "../../functions.js";
import { checkIds } from "../../ops/indexing.js";
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
  /** Row-sparse gradients; only false can be given so far. */
  readonly sparse?: boolean;
};

/** Vectors by id: integer ids of any shape → [ids…, embeddingDim]. They start standard normal. */
export class Embedding extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly paddingIdx: number | undefined;
  /** [numEmbeddings, embeddingDim]. */
  weight: Parameter;

  /** @throws TensorError `argument`, `unsupported` for `sparse: true` */
  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingLayerOptions = {}) {
    super();
    checkCount("Embedding", "numEmbeddings", numEmbeddings);
    checkCount("Embedding", "embeddingDim", embeddingDim);
    checkOptions("Embedding", options, ["paddingIdx", "sparse", ...parameterOptions]);
    const { paddingIdx, sparse = false } = options;
    if (typeof sparse !== "boolean") throw argumentError("Embedding", "sparse", "true or false", sparse);
    if (sparse) {
      throw new TensorError("unsupported", "Embedding: row-sparse gradients do not exist yet, got sparse true", {
        field: "sparse",
      });
    }
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    this.paddingIdx = paddingIdx === undefined ? undefined : resolvePadding("Embedding", paddingIdx, numEmbeddings);
    const values = normalValues([numEmbeddings, embeddingDim], 0, 1, options);
    this.weight = new Parameter(this.paddingIdx === undefined ? values : clearRow(values, this.paddingIdx));
  }

  /** @throws TensorError `index` when the host knows of an id outside the table, `dtype` */
  forward(ids: Tensor): Tensor {
    checkIds("Embedding", ids, this.numEmbeddings);
    return embedding(ids, this.weight, this.paddingIdx === undefined ? {} : { paddingIdx: this.paddingIdx });
  }
}

const clearRow = (table: Tensor, row: number): Tensor =>
  sliceAssign(table, zeros([1, table.shape[1]!], { dtype: table.dtype, device: table.device }), 0, row);
