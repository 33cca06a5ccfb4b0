// Which products a vendor's library computes, and how they are cut for the threads. Functions of structure, size and the number
// of threads alone: the same launch is always computed the same way.

import type { GemmParams } from "../gemm/params.js";

/** In how many parts each matrix of a product is cut. */
export type Grid = { readonly rowParts: number; readonly columnParts: number };

/** Sizes and strides of a product. */
export type Product = Omit<GemmParams, "a" | "b" | "c">;

/** The product as a library can compute it, with the strides it understands; undefined where the embedded one must or should. */
export function forBlas(product: Product, leastMultiplyAdds: number): Product | undefined {
  const { rows, columns, inner } = product;
  if (rows * columns * inner < leastMultiplyAdds) return undefined;
  const a = adjacent(product.aRowStride, product.aColumnStride, rows, inner);
  const b = adjacent(product.bRowStride, product.bColumnStride, inner, columns);
  const c = adjacent(product.cRowStride, 1, rows, columns);
  if (!a || !b || !c) return undefined;
  return {
    ...product,
    ...{ aRowStride: a.row, aColumnStride: a.column, bRowStride: b.row, bColumnStride: b.column, cRowStride: c.row },
  };
}

// Rows or columns must be runs of neighbours, and the runs at least as far apart as they are long.
function adjacent(row: number, column: number, rows: number, columns: number) {
  if ((column === 1 || columns === 1) && (row >= columns || rows === 1)) {
    return { row: rows === 1 ? columns : row, column: 1 };
  }
  if ((row === 1 || rows === 1) && (column >= rows || columns === 1)) {
    return { row: 1, column: columns === 1 ? rows : column };
  }
  return undefined;
}

/**
 * The grid for `threads` threads. Many matrices are dealt out whole; else every one is cut into a part a thread, so that
 * the parts' factors are as small as can be: each thread reads, and the library rearranges, its part of A and of B.
 */
export function gridFor({ rows, columns, outerBatch, innerBatch }: Product, threads: number): Grid {
  const batches = outerBatch * innerBatch;
  if (threads === 1 || batches % threads === 0 || batches >= 4 * threads) return { rowParts: 1, columnParts: 1 };
  let best: Grid = { rowParts: 1, columnParts: threads };
  let least = Number.POSITIVE_INFINITY;
  for (let rowParts = 1; rowParts <= threads; rowParts++) {
    if (threads % rowParts !== 0) continue;
    const columnParts = threads / rowParts;
    const read = Math.ceil(rows / rowParts) + Math.ceil(columns / columnParts);
    if (read < least) {
      least = read;
      best = { rowParts, columnParts };
    }
  }
  return best;
}
