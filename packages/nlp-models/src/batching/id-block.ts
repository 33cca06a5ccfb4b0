// Ids in the form in which batches leave this folder: one typed array and its shape, ready to become a tensor.

import { argumentError, TensorError } from "@torchium/tensor";

/** Integers in row-major order with their shape. */
export interface IdBlock {
  readonly data: Int32Array;
  readonly shape: readonly number[];
}

/** A batch of rows of different lengths, made one length. */
export interface PaddedRows {
  /** [rows, length] */
  readonly ids: IdBlock;
  /** [rows, length]: 1 at a real token, 0 at padding. */
  readonly attentionMask: IdBlock;
}

/** Settings of `padRows`. */
export interface PadOptions {
  /** What stands in the places that a row does not fill; 0 by default. */
  readonly value?: number;
  /** Length of every row; that of the longest by default. */
  readonly length?: number;
}

/**
 * Rows side by side, short ones filled up on the right, with the mask that says which places are real.
 * @throws `argument` for no rows, `shape` for a row longer than `length`.
 */
export function padRows(rows: readonly ArrayLike<number>[], options: PadOptions = {}): PaddedRows {
  if (rows.length === 0) throw argumentError("padRows", "rows", "at least one row", 0);
  const longest = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const { value = 0, length = longest } = options;
  if (!Number.isInteger(length) || length < 0) throw argumentError("padRows", "length", "a whole number", length);
  if (longest > length) {
    throw new TensorError("shape", `padRows: a row is too long, got ${longest} ids, expected at most ${length}`, {
      op: "padRows",
      longest,
      length,
    });
  }
  const shape = [rows.length, length];
  const data = new Int32Array(rows.length * length).fill(value);
  const mask = new Int32Array(rows.length * length);
  rows.forEach((row, i) => {
    data.set(row, i * length);
    mask.fill(1, i * length, i * length + row.length);
  });
  return { ids: { data, shape }, attentionMask: { data: mask, shape } };
}

/** One number a row, shape [rows]. */
export function idColumn(values: ArrayLike<number>): IdBlock {
  return { data: Int32Array.from(values), shape: [values.length] };
}

/** The given rows of a block, in that order: [rows, …rest]. @throws `index` for a row outside the block. */
export function selectRows(block: IdBlock, rows: ArrayLike<number>): IdBlock {
  const [count = 0, ...rest] = block.shape;
  const width = rest.reduce((product, size) => product * size, 1);
  const data = new Int32Array(rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    if (!Number.isInteger(row) || row < 0 || row >= count) {
      throw new TensorError("index", `selectRows: row out of range, got ${row}, expected 0 to ${count - 1}`, {
        op: "selectRows",
        row,
        count,
      });
    }
    data.set(block.data.subarray(row * width, (row + 1) * width), i * width);
  }
  return { data, shape: [rows.length, ...rest] };
}
