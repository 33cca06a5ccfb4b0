// The matrix product as WebAssembly: C = A·B or C += A·B, batched, any strides of A and B, float32 and float64.
// Threads share out tile columns or tile rows of all matrices of the batch; k is never split between them and every
// element of C is one fixed chain of operations, so results do not depend on the number of threads.

import { type Expr, type FunctionRef, i32, i64, type Local, ModuleBuilder, type Operand } from "../wasm/assembler.js";
import { type BlockSizes, defineBlocked, packRowsFrom, workspaceLayout } from "./blocked.js";
import { defineDot, dotRowsUpTo } from "./dot.js";
import { type Element, elements } from "./element.js";
import { type GemmField, type GemmParams, gemmOffsets } from "./params.js";
import type { TileShape } from "./tile.js";

/** What the kernels are built for. */
export interface GemmOptions {
  /** Whether the memory they import is shared. */
  readonly shared: boolean;
  /** Fused multiply-adds: see `detectFeatures`. */
  readonly relaxedSimd: boolean;
  /**
   * Tiles for an engine that joins neighbouring vector operations into 256-bit ones (V8 with
   * `--experimental-wasm-revectorize`); slower everywhere else.
   */
  readonly wideSimd?: boolean;
}

// The accumulators of a tile, a row of B and one value of A fill the 15 registers an x64 engine hands out; without fused
// multiply-adds the product needs one more.
const tiles = {
  wide: { rows: 6, vectors: 4 },
  fused: { rows: 6, vectors: 2 },
  plain: { rows: 4, vectors: 2 },
} as const satisfies Record<string, TileShape>;

// Packed A fits the second cache beside a panel of B, a panel of B the first.
const blocks = {
  float32: { rows: 240, inner: 256, columns: 1024 },
  float64: { rows: 120, inner: 256, columns: 512 },
} as const satisfies Record<keyof typeof elements, BlockSizes>;

/** Bytes of workspace a thread needs, for either element type; addresses of workspaces are multiples of 16. */
export const gemmWorkspaceByteLength =
  Math.ceil(
    Math.max(
      workspaceLayout(elements.float32, blocks.float32).byteLength,
      workspaceLayout(elements.float64, blocks.float64).byteLength,
    ) / 16,
  ) * 16;

/** Whether B may stay packed in the threads' workspaces: products of these sizes pack it, and all of it fits, whatever the tiles. */
export function keepsPackedB(
  type: keyof typeof elements,
  product: Pick<GemmParams, "rows" | "columns" | "inner" | "aColumnStride" | "bRowStride" | "bColumnStride">,
): boolean {
  const { rows, columns, inner } = product;
  const isDot = type === "float32" && rows <= dotRowsUpTo && product.aColumnStride === 1 && product.bRowStride === 1;
  const packs = product.bColumnStride !== 1 || rows >= packRowsFrom;
  if (isDot || !packs) return false;
  const block = blocks[type];
  const widest = tiles.wide.vectors * elements[type].lanes;
  return columns <= block.columns && (columns + widest - 1) * inner <= block.columns * block.inner;
}

/**
 * Module bytes of the matrix products; imports `env.memory`, exports `gemmFloat32` and `gemmFloat64`: (address of a parameter
 * block, thread, threads) → nothing. See `GemmParams`.
 */
export function gemmModule(options: GemmOptions): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder({ relaxedSimd: options.relaxedSimd });
  module.importMemory("env", "memory", { shared: options.shared });
  const shape = tileShape(options);
  defineGemm(module, "gemmFloat32", elements.float32, shape, blocks.float32);
  defineGemm(module, "gemmFloat64", elements.float64, shape, blocks.float64);
  return module.finish();
}

/** The product of one cell of float32 matrices, for kernels that hold products: see `cellParams`. */
export const defineFloat32Product = (module: ModuleBuilder, options: GemmOptions): FunctionRef<undefined> =>
  defineBlocked(module, elements.float32, tileShape(options), blocks.float32);

const tileShape = ({ relaxedSimd, wideSimd }: GemmOptions): TileShape =>
  tiles[!relaxedSimd ? "plain" : wideSimd ? "wide" : "fused"];

function defineGemm(module: ModuleBuilder, name: string, element: Element, shape: TileShape, block: BlockSizes): void {
  const tileWidth = shape.vectors * element.lanes;
  const blocked = defineBlocked(module, element, shape, block);
  const dot = element.lanes === 4 ? defineDot(module) : undefined;
  const params = { params: "i32", thread: "i32", threads: "i32" } as const;
  module.function({ params, export: name }, (f, { params, thread, threads }) => {
    const word = (field: GemmField) => i32.load(params, gemmOffsets[field]);
    const stride = (field: GemmField) => i32.mul(word(field), element.byteLength);
    const [rows, columns] = [f.local("i32", word("rows")), f.local("i32", word("columns"))];
    f.if(i32.or(i32.eqz(rows), i32.eqz(columns)), () => f.return());
    // Chosen by what the caller gave, not by a thread's share, so that the number of threads changes no bits.
    const isDot = f.local("i32", dot ? suitsDot(rows, word) : 0);
    const workspace = f.local("i32", i32.add(word("workspace"), i32.mul(thread, gemmWorkspaceByteLength)));

    // Units of work: the tile columns, or tile rows, of all matrices one after another.
    const byColumns = f.local("i32", i32.geU(columns, rows));
    const size = f.local("i32", i32.select(tileWidth, shape.rows, byColumns));
    const extent = f.local("i32", i32.select(columns, rows, byColumns));
    const unitsEach = f.local("i32", i32.divU(i32.sub(i32.add(extent, size), 1), size));
    const units = f.local("i32", i32.mul(i32.mul(word("outerBatch"), word("innerBatch")), unitsEach));
    const unit = f.local("i32", share(units, thread, threads));
    const end = f.local("i32", share(units, i32.add(thread, 1), threads));

    const innerBatch = f.local("i32", word("innerBatch"));
    const [batch, first, last, from] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
    const matrix = (address: GemmField, outer: GemmField, inner: GemmField) =>
      i32.add(
        i32.add(word(address), i32.mul(i32.divU(batch, innerBatch), stride(outer))),
        i32.mul(i32.remU(batch, innerBatch), stride(inner)),
      );
    f.while(i32.ltU(unit, end), () => {
      f.set(batch, i32.divU(unit, unitsEach));
      f.set(first, i32.remU(unit, unitsEach));
      f.set(last, i32.add(first, i32.sub(end, unit)));
      f.set(last, i32.select(last, unitsEach, i32.ltU(last, unitsEach)));
      f.set(from, i32.mul(first, size));
      const to = f.local("i32", i32.mul(last, size));
      f.set(to, i32.select(to, extent, i32.ltU(to, extent)));
      const a = matrix("a", "aOuterStride", "aInnerStride");
      const b = matrix("b", "bOuterStride", "bInnerStride");
      const c = matrix("c", "cOuterStride", "cInnerStride");
      const part = f.local("i32", i32.sub(to, from));
      const [m, n] = [i32.select(rows, part, byColumns), i32.select(part, columns, byColumns)];
      const offset = (ofRows: Operand<"i32">, ofColumns: Operand<"i32">) =>
        i32.mul(from, i32.select(ofColumns, ofRows, byColumns));
      const cell = [
        i32.add(a, offset(stride("aRowStride"), 0)),
        i32.add(b, offset(0, stride("bColumnStride"))),
        i32.add(c, offset(stride("cRowStride"), element.byteLength)),
      ];
      f.if(
        isDot,
        () => dot && f.call(dot, params, ...cell, m, n, workspace),
        () => f.call(blocked, params, ...cell, m, n, workspace),
      );
      f.set(unit, i32.add(i32.mul(batch, unitsEach), last));
    });
  });
}

/** Where part `index` of `parts` begins; in 64 bits, since the product may pass 32. */
function share(units: Local<"i32">, index: Expr<"i32">, parts: Local<"i32">): Expr<"i32"> {
  const product = i64.mul(i64.extendI32U(units), i64.extendI32U(index));
  return i32.wrapI64(i64.divU(product, i64.extendI32U(parts)));
}

/** Few rows, and both factors contiguous along k. */
function suitsDot(rows: Local<"i32">, word: (field: GemmField) => Expr<"i32">): Expr<"i32"> {
  const isContiguous = i32.and(i32.eq(word("aColumnStride"), 1), i32.eq(word("bRowStride"), 1));
  return i32.and(i32.leU(rows, dotRowsUpTo), isContiguous);
}
