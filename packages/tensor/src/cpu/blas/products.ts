// Products by a vendor's library as a kernel of the pool: every thread calls the library, on one thread of the library's, for its
// parts of the matrices. The library's own threads would spin beside the pool's after each product: with work of the pool in
// between that took up to 1.7 times as long (docs/decisions/0008).

import { gemmOffsets, gemmParamsByteLength, writeGemmParams } from "../gemm/params.js";
import { kernelParams, shareOf } from "../render/walk.js";
import { i32, ModuleBuilder, type Operand } from "../wasm/assembler.js";
import { forBlas, gridFor, type Product } from "./split.js";

/** Parts are cut at multiples of so many rows or columns, so that no vector of the library's kernels is cut. */
const grain = 16;

/** The words of a block: those of the embedded product, then the grid that each matrix is cut into. */
const gridOffsets = { rowParts: gemmParamsByteLength, columnParts: gemmParamsByteLength + 4 } as const;

/**
 * The block of a product for `threads` threads, its addresses still 0; undefined for one that no library can or should compute.
 */
export function blasBlock(product: Product, leastMultiplyAdds: number, threads: number): Int32Array | undefined {
  const adapted = forBlas(product, leastMultiplyAdds);
  if (!adapted) return undefined;
  const { rowParts, columnParts } = gridFor(adapted, threads);
  const words = new Int32Array(gemmParamsByteLength / 4 + 2);
  writeGemmParams(words, 0, { ...adapted, a: 0, b: 0, c: 0 });
  words[gridOffsets.rowParts / 4] = rowParts;
  words[gridOffsets.columnParts / 4] = columnParts;
  return words;
}

const elementByteLength = { gemmFloat32: 4, gemmFloat64: 8 } as const;

/**
 * Module bytes of the products: imports `env.memory` and, as `native`, a `BlasProducts`; exports `gemmFloat32` and `gemmFloat64`:
 * (address of a block, thread, threads) → nothing. Of A and B the rows or the columns must be runs of neighbours.
 */
export function blasModule(shared: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.importMemory("env", "memory", { shared });
  const entries = Object.entries(elementByteLength).map(([name, bytes]) => {
    const type = { params: new Array<"i32">(11).fill("i32") };
    return { name, bytes, product: module.importFunction("native", name, type) };
  });
  for (const { name, bytes, product } of entries) {
    module.function({ params: kernelParams, export: name }, (f, { params, thread, threads }) => {
      const word = (field: keyof typeof gemmOffsets) => i32.load(params, gemmOffsets[field]);
      const [rowParts, columnParts] = [
        f.local("i32", i32.load(params, gridOffsets.rowParts)),
        f.local("i32", i32.load(params, gridOffsets.columnParts)),
      ];
      const parts = f.local("i32", i32.mul(rowParts, columnParts));
      const innerBatch = f.local("i32", word("innerBatch"));
      const units = f.local("i32", i32.mul(i32.mul(word("outerBatch"), innerBatch), parts));
      const share = shareOf(f, thread, threads, units, 1);

      // A factor lies by rows, or by columns: then it is the transpose that lies by rows.
      const factor = (row: "aRowStride" | "bRowStride", column: "aColumnStride" | "bColumnStride") => {
        const rowStride = f.local("i32", word(row));
        const columnStride = f.local("i32", word(column));
        const transposed = f.local("i32", i32.ne(columnStride, 1));
        const leading = f.local("i32", i32.select(columnStride, rowStride, transposed));
        return { rowStride, columnStride, transposed, leading };
      };
      const [a, b] = [factor("aRowStride", "aColumnStride"), factor("bRowStride", "bColumnStride")];
      const cRowStride = f.local("i32", word("cRowStride"));

      const unit = f.local("i32");
      f.for(unit, share.from, share.to, 1, () => {
        const batch = f.local("i32", i32.divU(unit, parts));
        const part = f.local("i32", i32.remU(unit, parts));
        const outer = f.local("i32", i32.divU(batch, innerBatch));
        const inner = f.local("i32", i32.remU(batch, innerBatch));
        const cut = (extent: "rows" | "columns", index: Operand<"i32">, count: Operand<"i32">) => {
          const length = f.local("i32", word(extent));
          const grains = f.local("i32", i32.divU(i32.add(length, grain - 1), grain));
          const at = f.local("i32", index);
          const edge = (k: Operand<"i32">) => {
            const end = f.local("i32", i32.mul(i32.divU(i32.mul(grains, k), count), grain));
            return i32.select(end, length, i32.ltU(end, length));
          };
          const from = f.local("i32", edge(at));
          return { from, length: f.local("i32", i32.sub(edge(i32.add(at, 1)), from)) };
        };
        const rows = cut("rows", i32.divU(part, columnParts), rowParts);
        const columns = cut("columns", i32.remU(part, columnParts), columnParts);
        const address = (matrix: "a" | "b" | "c", offset: Operand<"i32">) => {
          const batches = i32.add(
            i32.mul(outer, word(`${matrix}OuterStride`)),
            i32.mul(inner, word(`${matrix}InnerStride`)),
          );
          return i32.add(word(matrix), i32.mul(i32.add(batches, offset), bytes));
        };
        f.if(i32.and(i32.ne(rows.length, 0), i32.ne(columns.length, 0)), () =>
          f.call(
            product,
            ...[a.transposed, b.transposed, rows.length, columns.length, word("inner")],
            ...[address("a", i32.mul(rows.from, a.rowStride)), a.leading],
            ...[address("b", i32.mul(columns.from, b.columnStride)), b.leading],
            ...[address("c", i32.add(i32.mul(rows.from, cRowStride), columns.from)), cRowStride],
          ),
        );
      });
    });
  }
  return module.finish();
}
