// The product of a few rows of A with a B whose columns lie contiguous, as a linear layer with PyTorch's weight has it when
// it decodes a token: inner products, vectors along k, nothing packed. Float32 only.

import {
  type FunctionBuilder,
  type FunctionRef,
  f32x4,
  i32,
  i32x4,
  type Local,
  type ModuleBuilder,
  type Vector,
  v128,
} from "../wasm/assembler.js";
import { cellParams } from "./blocked.js";
import { transpose } from "./pack.js";
import { gemmOffsets } from "./params.js";

/** Up to so many rows of A packing B does not pay. */
export const dotRowsUpTo = 12;

const columnsEach = 4;

const tileParams = {
  a: "i32",
  aRow: "i32",
  b: "i32",
  bColumn: "i32",
  k: "i32",
  c: "i32",
  cRow: "i32",
  width: "i32",
  adds: "i32",
} as const;

/**
 * Defines the inner products of `rows` rows of A with `width` ≤ 4 columns of B, over `unroll` vectors a turn: enough
 * independent sums to hide the latency of an addition.
 */
function defineDotTile(module: ModuleBuilder, rows: number, unroll: number): FunctionRef<undefined> {
  return module.function({ params: tileParams }, (f, p) => {
    const zero = f.constants.f32x4(0);
    const grid = () =>
      Array.from({ length: rows }, () => Array.from({ length: columnsEach }, () => f.local("v128", zero)));
    const sums = Array.from({ length: unroll }, grid);
    const a = Array.from({ length: rows }, (_, i) => f.local("i32", i32.add(p.a, i32.mul(p.aRow, i))));
    // Columns that B does not have are read from its last one.
    const last = f.local("i32", i32.sub(p.width, 1));
    const b = Array.from({ length: columnsEach }, (_, j) =>
      f.local("i32", i32.add(p.b, i32.mul(p.bColumn, i32.select(j, last, i32.ltS(j, last))))),
    );
    const step = (turn: number, load: (pointer: Local<"i32">, offset: number) => Vector) => {
      const left = a.map((pointer) => f.local("v128", load(pointer, 16 * turn)));
      b.forEach((pointer, j) => {
        const right = f.local("v128", load(pointer, 16 * turn));
        left.forEach((value, i) => {
          const sum = sums[turn]?.[i]?.[j] as Local<"v128">;
          f.set(sum, f.madd(value, right, sum));
        });
      });
    };
    const advance = (byteLength: number) => {
      for (const pointer of [...a, ...b]) f.increment(pointer, byteLength);
      f.set(p.k, i32.sub(p.k, byteLength / 4));
    };
    f.while(i32.geS(p.k, 4 * unroll), () => {
      for (let turn = 0; turn < unroll; turn++) step(turn, v128.load);
      advance(16 * unroll);
    });
    f.while(i32.geS(p.k, 4), () => {
      step(0, v128.load);
      advance(16);
    });
    f.if(p.k, () => {
      // What is read beyond the end may be anything, so both factors are cleared.
      const mask = f.local("v128", i32x4.ltS(f.constants.i32x4(0, 1, 2, 3), i32x4.splat(p.k)));
      step(0, (pointer, offset) => v128.and(v128.load(pointer, offset), mask));
    });
    for (let i = 0; i < rows; i++) {
      const row = Array.from({ length: columnsEach }, (_, j) =>
        sums
          .map((grid) => grid[i]?.[j] as Local<"v128">)
          .reduce((total, sum) => f.local("v128", f32x4.add(total, sum))),
      );
      storeRow(f, p, row as [L, L, L, L]);
      f.increment(p.c, p.cRow);
    }
  });
}

type L = Local<"v128">;
type TileLocals = { readonly [K in keyof typeof tileParams]: Local<"i32"> };

/** Adds up each vector's lanes and writes the `width` sums to C. */
function storeRow(f: FunctionBuilder, p: TileLocals, vectors: readonly [L, L, L, L]): void {
  const [first, second, third, fourth] = transpose(f, vectors);
  const total = f.local("v128", f32x4.add(f32x4.add(first, second), f32x4.add(third, fourth)));
  f.if(
    i32.geS(p.width, columnsEach),
    () => f.store.v128(p.c, v128.select(f32x4.add(v128.load(p.c), total), total, p.adds)),
    () => {
      const column = f.local("i32");
      const to = f.local("i32", p.c);
      f.for(column, 0, p.width, 1, () => {
        const old = v128.and(v128.load32Zero(to), i32x4.splat(i32.sub(0, i32.ne(p.adds, 0))));
        f.store.v128Lane32(to, f32x4.add(total, old), 0);
        f.set(total, i32x4.shuffle(total, total, [1, 2, 3, 0]));
        f.increment(to, 4);
      });
    },
  );
}

/** Defines the product of one cell: pairs of rows, four columns at a time. */
export function defineDot(module: ModuleBuilder): FunctionRef<undefined> {
  const [single, pair] = [defineDotTile(module, 1, 2), defineDotTile(module, 2, 1)];
  return module.function({ params: cellParams }, (f, { params, a, b, c, rows, columns }) => {
    const inner = f.local("i32", i32.load(params, gemmOffsets.inner));
    const adds = f.local("i32", i32.load(params, gemmOffsets.accumulate));
    const aRow = f.local("i32", i32.shl(i32.load(params, gemmOffsets.aRowStride), 2));
    const bColumn = f.local("i32", i32.shl(i32.load(params, gemmOffsets.bColumnStride), 2));
    const cRow = f.local("i32", i32.shl(i32.load(params, gemmOffsets.cRowStride), 2));
    const [left, aTile, cTile] = [f.local("i32"), f.local("i32"), f.local("i32")];
    f.while(i32.gtS(columns, 0), () => {
      f.set(left, rows);
      f.set(aTile, a);
      f.set(cTile, c);
      const tile = () => [aTile, aRow, b, bColumn, inner, cTile, cRow, columns, adds];
      f.while(i32.geS(left, 2), () => {
        f.call(pair, ...tile());
        f.increment(aTile, i32.shl(aRow, 1));
        f.increment(cTile, i32.shl(cRow, 1));
        f.set(left, i32.sub(left, 2));
      });
      f.if(left, () => f.call(single, ...tile()));
      f.increment(b, i32.mul(bColumn, columnsEach));
      f.increment(c, 4 * columnsEach);
      f.set(columns, i32.sub(columns, columnsEach));
    });
  });
}
