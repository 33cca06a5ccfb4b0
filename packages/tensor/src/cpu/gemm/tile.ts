// The innermost kernels: one tile of C in registers, over a run of k. Every element of C is one chain of multiply-adds in
// the order of k, whatever the tile's height or its place, so results depend neither on the tiling nor on the threads.

import {
  type FunctionBuilder,
  type FunctionRef,
  i32,
  type Local,
  type ModuleBuilder,
  type Operand,
  type Vector,
  v128,
} from "../wasm/assembler.js";
import type { Element } from "./element.js";

/** Shape of the tiles: `rows` rows (fewer at the lower edge), `vectors` vectors wide. */
export interface TileShape {
  readonly rows: number;
  readonly vectors: number;
}

const tileParams = {
  a: "i32",
  rowStride: "i32",
  kStride: "i32",
  b: "i32",
  bStep: "i32",
  k: "i32",
  c: "i32",
  cStride: "i32",
  accumulate: "i32",
} as const;

/** The arguments of a tile kernel, in order. */
export type TileArguments = readonly Operand<"i32">[];

/**
 * Defines a kernel C = A·B or C += A·B on a tile of `rows` rows. All strides are in bytes. `b` points at the tile's columns,
 * a row of them every `bStep`. With `packed`, A is a panel of `shape.rows` elements a step of k, and its strides are not
 * looked at.
 */
export function defineTile(
  module: ModuleBuilder,
  element: Element,
  shape: TileShape,
  rows: number,
  packed: boolean,
): FunctionRef<undefined> {
  return module.function({ params: tileParams }, (f, p) => {
    const sums = Array.from({ length: rows }, () =>
      Array.from({ length: shape.vectors }, () => f.local("v128", element.zero(f))),
    );
    const rowPointer = (i: number) => f.local("i32", i32.add(p.a, i32.mul(p.rowStride, i)));
    const pointers = packed ? [] : Array.from({ length: rows }, (_, i) => rowPointer(i));
    f.if(p.k, () => {
      f.loop((again) => {
        const load = (j: number) => v128.load(p.b, 16 * j);
        // A value of B that only one row uses needs no register of its own.
        const b = Array.from({ length: shape.vectors }, (_, j) => (rows === 1 ? load(j) : f.local("v128", load(j))));
        sums.forEach((row, i) => {
          const pointer = pointers[i] ?? p.a;
          const value = f.local("v128", element.splatLoad(pointer, packed ? i * element.byteLength : 0));
          row.forEach((sum, j) => {
            f.set(sum, element.madd(f, value, b[j] as Vector, sum));
          });
          if (!packed) f.increment(pointer, p.kStride);
        });
        if (packed) f.increment(p.a, shape.rows * element.byteLength);
        f.increment(p.b, p.bStep);
        f.brIf(again, f.tee(p.k, i32.sub(p.k, 1)));
      });
    });
    const store = (adds: boolean) => {
      const c = f.local("i32", p.c);
      for (const row of sums) {
        row.forEach((sum, j) => {
          f.store.v128(c, adds ? element.add(v128.load(c, 16 * j), sum) : sum, 16 * j);
        });
        f.increment(c, p.cStride);
      }
    };
    f.if(
      p.accumulate,
      () => store(true),
      () => store(false),
    );
  });
}

/** Defines the kernels of all heights; gives the emitter of a call that chooses by height and by whether A is packed. */
export function defineTiles(module: ModuleBuilder, element: Element, shape: TileShape) {
  const heights = Array.from({ length: shape.rows }, (_, i) => shape.rows - i);
  const define = (packed: boolean) => heights.map((rows) => defineTile(module, element, shape, rows, packed));
  const [packed, strided] = [define(true), define(false)];
  return (f: FunctionBuilder, rows: Local<"i32">, packsA: Local<"i32">, args: TileArguments): void => {
    const choose = (tiles: readonly FunctionRef<undefined>[]) =>
      f.block((done) => {
        tiles.forEach((tile, i) => {
          f.if(i32.eq(rows, heights[i] as number), () => {
            f.call(tile, ...args);
            f.br(done);
          });
        });
      });
    f.if(
      packsA,
      () => choose(packed),
      () => choose(strided),
    );
  };
}

/** Defines the copy of a `rows` × `columns` corner of a tile that was computed beside C, replacing or adding. */
export function defineCorner(module: ModuleBuilder, element: Element, tileStride: number): FunctionRef<undefined> {
  const params = { tile: "i32", c: "i32", cStride: "i32", rows: "i32", columns: "i32", accumulate: "i32" } as const;
  return module.function({ params }, (f, p) => {
    const [row, column] = [f.local("i32"), f.local("i32")];
    const [from, to] = [f.local("i32"), f.local("i32")];
    f.for(row, 0, p.rows, 1, () => {
      f.set(from, p.tile);
      f.set(to, p.c);
      f.for(column, 0, p.columns, 1, () => {
        f.if(
          p.accumulate,
          () => element.accumulate(f, to, from),
          () => element.copy(f, to, from),
        );
        f.increment(from, element.byteLength);
        f.increment(to, element.byteLength);
      });
      f.increment(p.tile, tileStride);
      f.increment(p.c, p.cStride);
    });
  });
}
