// Tensors whose first axis counts examples, as a dataset. Whole batches are gathered in one operation a tensor.

import { argumentError, shapeError } from "../errors.js";
import { fromHost, Tensor } from "../tensor.js";
import type { Dataset } from "./data-loader.js";

/** Item i is row i of every tensor; a batch is a tensor `[batch, …]` for each. */
export class TensorDataset<const T extends readonly Tensor[]> implements Dataset<{ [K in keyof T]: Tensor }> {
  readonly tensors: T;
  readonly length: number;

  /** @throws TensorError `argument`, or `shape` unless all have the same number of rows */
  constructor(...tensors: T) {
    for (const t of tensors)
      if (!(t instanceof Tensor)) throw argumentError("TensorDataset", "an argument", "a tensor", t);
    const rows = tensors.map((t) => t.shape[0]);
    const bad = rows.findIndex((count) => count === undefined || count !== rows[0]);
    if (bad >= 0 || rows[0] === undefined) {
      const shapes = tensors.map((t) => t.shape);
      throw shapeError("TensorDataset", "tensors need a first axis of one size", shapes);
    }
    this.tensors = tensors;
    this.length = rows[0];
  }

  /** Row `index` of every tensor. */
  at(index: number): { [K in keyof T]: Tensor } {
    return this.tensors.map((t) => t.select(0, index)) as { [K in keyof T]: Tensor };
  }

  /** The rows `indices` of every tensor, stacked. */
  batch(indices: readonly number[]): { [K in keyof T]: Tensor } {
    const rows = (t: Tensor): Tensor => {
      const ids = fromHost(Int32Array.from(indices), [indices.length], "int32", t.device);
      return t.indexSelect(0, ids);
    };
    return this.tensors.map(rows) as { [K in keyof T]: Tensor };
  }
}
