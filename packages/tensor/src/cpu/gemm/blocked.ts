// The blocked matrix product of one thread: blocks of B and A are packed where that pays and multiplied tile by tile
// (Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008).

import {
  type Expr,
  type FunctionBuilder,
  type FunctionRef,
  i32,
  type Local,
  type ModuleBuilder,
  type Operand,
} from "../wasm/assembler.js";
import type { Element } from "./element.js";
import { definePack, packSlack } from "./pack.js";
import { type GemmField, gemmOffsets, keeping } from "./params.js";
import { defineCorner, defineTile, defineTiles, type TileShape } from "./tile.js";

/** Largest blocks: packed A has `rows` × `inner` elements, packed B `inner` × `columns`; multiples of the tile's shape. */
export interface BlockSizes {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

/** A matrix, or the part of it one thread computes: addresses of its first elements, its size, a workspace of its own. */
export const cellParams = {
  params: "i32",
  a: "i32",
  b: "i32",
  c: "i32",
  rows: "i32",
  columns: "i32",
  workspace: "i32",
} as const;

/** From so many tiles side by side on packing A pays, although they can read it where it lies. */
const packTilesFrom = 10;
/** The same in columns, where A lies transposed. */
const packStridedFrom = 24;
/** From so many rows on packing B pays where the tiles can read it as it lies, unless it is small. */
export const packRowsFrom = 48;
/** A B whose rows lie within so many bytes stays in the nearest cache, packed or not. */
const smallByteLength = 16384;

const largestTileByteLength = 1024;

/** Where things stand in a thread's workspace: packed A first, then these. */
export function workspaceLayout({ byteLength }: Element, { rows, inner, columns }: BlockSizes) {
  const packedB = rows * inner * byteLength + packSlack;
  const tile = packedB + columns * inner * byteLength + packSlack;
  return { packedB, tile, byteLength: tile + largestTileByteLength } as const;
}

/** Defines the product of one cell; strides and `inner` come from the parameter block. */
export function defineBlocked(
  module: ModuleBuilder,
  element: Element,
  shape: TileShape,
  block: BlockSizes,
): FunctionRef<undefined> {
  const tileWidth = shape.vectors * element.lanes;
  const tileStride = tileWidth * element.byteLength;
  const tileHeight = shape.rows * element.byteLength;
  const layout = workspaceLayout(element, block);
  const packA = definePack(module, element, shape.rows);
  const packB = definePack(module, element, tileWidth);
  const multiplyBlock = defineBlock(module, element, shape);

  return module.function({ params: cellParams }, (f, { params, a, b, c, rows, columns, workspace }) => {
    const word = (name: GemmField) => f.local("i32", i32.load(params, gemmOffsets[name]));
    const stride = (name: GemmField) =>
      f.local("i32", i32.mul(i32.load(params, gemmOffsets[name]), element.byteLength));
    const [inner, adds] = [word("inner"), word("accumulate")];
    const [aRow, aColumn] = [stride("aRowStride"), stride("aColumnStride")];
    const [bRow, bColumn] = [stride("bRowStride"), stride("bColumnStride")];
    const cRow = stride("cRowStride");
    const packedB = f.local("i32", i32.add(workspace, layout.packedB));
    const tile = f.local("i32", i32.add(workspace, layout.tile));

    const packedFrom = i32.select(packTilesFrom * tileWidth, packStridedFrom, i32.eq(aColumn, element.byteLength));
    const packsA = f.local("i32", i32.and(i32.geU(columns, packedFrom), i32.gtU(rows, 2)));
    const isWorthwhile = i32.and(i32.geU(rows, packRowsFrom), i32.gtU(i32.mul(inner, bRow), smallByteLength));
    const keeps = word("keeping");
    const packsB = f.local("i32", i32.or(i32.or(i32.ne(bColumn, element.byteLength), isWorthwhile), keeps));
    // Where packed B is kept, all runs of k are, one after the other.
    const keptStep = f.local("i32", i32.mul(ceilDivide(columns, tileWidth), tileStride));
    f.set(keptStep, i32.select(keptStep, 0, keeps));

    // Runs of k are as equal as can be; there is at least one, so that an empty sum still writes its zeros.
    const runs = f.local("i32", ceilDivide(inner, block.inner));
    const run = f.local("i32", inner);
    f.if(runs, () => f.set(run, i32.divU(i32.sub(i32.add(inner, runs), 1), runs)));

    const [column, columnsHere] = [f.local("i32"), f.local("i32")];
    const [row, rowsHere] = [f.local("i32"), f.local("i32")];
    const [k, left] = [f.local("i32"), f.local("i32")];
    const [aBlock, aStep, bBlock, bStep, bTileStep] = locals(f);

    f.for(column, 0, columns, block.columns, () => {
      f.set(columnsHere, i32.sub(columns, column));
      limit(f, columnsHere, block.columns);
      f.set(adds, i32.load(params, gemmOffsets.accumulate));
      f.set(k, 0);
      f.loop((nextRun) => {
        f.set(left, i32.sub(inner, k));
        limit(f, left, run);
        f.set(bBlock, i32.add(i32.add(b, i32.mul(k, bRow)), i32.mul(column, bColumn)));
        f.set(bStep, bRow);
        f.set(bTileStep, tileStride);
        f.if(packsB, () => {
          const panels = f.local("i32", i32.add(packedB, i32.mul(k, keptStep)));
          f.if(i32.ne(keeps, keeping.find), () => f.call(packB, panels, bBlock, bColumn, bRow, columnsHere, left));
          f.set(bBlock, panels);
          f.set(bStep, tileStride);
          f.set(bTileStep, i32.mul(left, tileStride));
        });
        f.for(row, 0, rows, block.rows, () => {
          f.set(rowsHere, i32.sub(rows, row));
          limit(f, rowsHere, block.rows);
          f.set(aBlock, i32.add(i32.add(a, i32.mul(k, aColumn)), i32.mul(row, aRow)));
          f.set(aStep, i32.mul(aRow, shape.rows));
          f.if(packsA, () => {
            f.call(packA, workspace, aBlock, aRow, aColumn, rowsHere, left);
            f.set(aBlock, workspace);
            f.set(aStep, i32.mul(left, tileHeight));
          });
          const cBlock = i32.add(c, i32.add(i32.mul(row, cRow), i32.mul(column, element.byteLength)));
          f.call(
            multiplyBlock,
            ...[aBlock, aStep, aRow, aColumn, packsA, bBlock, bTileStep, bStep],
            ...[left, cBlock, cRow, rowsHere, columnsHere, adds, tile],
          );
        });
        f.set(adds, 1);
        f.increment(k, left);
        f.brIf(nextRun, i32.ltU(k, inner));
      });
    });
  });
}

const blockParams = {
  a: "i32",
  aStep: "i32",
  aRow: "i32",
  aColumn: "i32",
  packsA: "i32",
  b: "i32",
  bTileStep: "i32",
  bStep: "i32",
  k: "i32",
  c: "i32",
  cRow: "i32",
  rows: "i32",
  columns: "i32",
  adds: "i32",
  tile: "i32",
} as const;

/** Defines the product of a block of A, all tile rows of it, with a block of B, tile column by tile column. */
function defineBlock(module: ModuleBuilder, element: Element, shape: TileShape): FunctionRef<undefined> {
  const tileWidth = shape.vectors * element.lanes;
  const tileStride = tileWidth * element.byteLength;
  const multiplyTile = defineTiles(module, element, shape);
  const copyCorner = defineCorner(module, element, tileStride);
  // One or two rows need wider tiles for enough independent sums to hide the latency of an addition.
  const wideTiles = [8, 4].map((vectors, i) => {
    return { vectors, rows: i + 1, tile: defineTile(module, element, { ...shape, vectors }, i + 1, false) };
  });
  return module.function({ params: blockParams }, (f, p) => {
    const [aTile, cTile, row, rowsHere] = locals(f);
    for (const { vectors, rows, tile } of wideTiles) {
      // Neighbouring tiles of B must be neighbours in memory, and A unpacked.
      const isWide = i32.and(i32.and(i32.eq(p.rows, rows), i32.eq(p.bTileStep, tileStride)), i32.eqz(p.packsA));
      f.if(isWide, () => {
        f.while(i32.geS(p.columns, vectors * element.lanes), () => {
          f.call(tile, ...[p.a, p.aRow, p.aColumn, p.b, p.bStep, p.k, p.c, p.cRow, p.adds]);
          f.increment(p.b, 16 * vectors);
          f.increment(p.c, 16 * vectors);
          f.set(p.columns, i32.sub(p.columns, vectors * element.lanes));
        });
      });
    }
    f.while(i32.gtS(p.columns, 0), () => {
      f.set(aTile, p.a);
      f.set(cTile, p.c);
      f.for(row, 0, p.rows, shape.rows, () => {
        f.set(rowsHere, i32.sub(p.rows, row));
        limit(f, rowsHere, shape.rows);
        const multiply = (c: Local<"i32">, cRow: Operand<"i32">, adds: Operand<"i32">) =>
          multiplyTile(f, rowsHere, p.packsA, [aTile, p.aRow, p.aColumn, p.b, p.bStep, p.k, c, cRow, adds]);
        f.if(
          i32.geS(p.columns, tileWidth),
          () => multiply(cTile, p.cRow, p.adds),
          () => {
            multiply(p.tile, tileStride, 0);
            f.call(copyCorner, p.tile, cTile, p.cRow, rowsHere, p.columns, p.adds);
          },
        );
        f.increment(aTile, p.aStep);
        f.increment(cTile, i32.mul(p.cRow, shape.rows));
      });
      f.increment(p.b, p.bTileStep);
      f.increment(p.c, tileStride);
      f.set(p.columns, i32.sub(p.columns, tileWidth));
    });
  });
}

type L = Local<"i32">;

function locals(f: FunctionBuilder): [L, L, L, L, L] {
  return [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
}

/** `value = min(value, most)`, signed. */
function limit(f: FunctionBuilder, value: L, most: L | number): void {
  f.set(value, i32.select(value, most, i32.ltS(value, most)));
}

function ceilDivide(value: Expr<"i32">, divisor: number): Expr<"i32"> {
  return i32.divU(i32.add(value, divisor - 1), divisor);
}
