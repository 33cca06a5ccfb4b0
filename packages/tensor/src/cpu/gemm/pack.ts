// Packing: a strip of a matrix becomes a panel, k-major without gaps, as the tiles read it.
// Panels are written in ascending order, since a row may spill into the next one before that is written; the last needs
// `packSlack` bytes after it.

import {
  type FunctionBuilder,
  type FunctionRef,
  i32,
  i32x4,
  i64x2,
  type Local,
  type ModuleBuilder,
  v128,
} from "../wasm/assembler.js";
import type { Element } from "./element.js";

/** Bytes that packing may write after a panel. */
export const packSlack = 64;

const stripParams = {
  panel: "i32",
  step: "i32",
  source: "i32",
  iStride: "i32",
  kStride: "i32",
  width: "i32",
  k: "i32",
} as const;
type StripLocals = { readonly [K in keyof typeof stripParams]: Local<"i32"> };

/** Defines the packing of one strip at most `vectors` vectors wide. Reads less than `vectors` vectors beyond it. */
function defineStrip(module: ModuleBuilder, element: Element, vectors: number): FunctionRef<undefined> {
  return module.function({ params: stripParams }, (f, p) => {
    f.if(i32.eq(p.iStride, element.byteLength), () => {
      packRows(f, p, vectors);
      f.return();
    });
    if (element.lanes === 4) {
      f.if(i32.eq(p.kStride, element.byteLength), () => packTransposed(f, p, vectors));
    }
    packElements(f, p, element);
  });
}

/**
 * Defines `pack(panels, source, iStride, kStride, width, k)`: strips of `panelWidth` elements (the last one of what is left)
 * become panels of `panelWidth` elements a step, one after another. Strides are in bytes. What a panel holds beyond the
 * strip's width is undefined.
 */
export function definePack(module: ModuleBuilder, element: Element, panelWidth: number): FunctionRef<undefined> {
  const strip = defineStrip(module, element, Math.ceil(panelWidth / element.lanes));
  const step = panelWidth * element.byteLength;
  const params = { panel: "i32", source: "i32", iStride: "i32", kStride: "i32", width: "i32", k: "i32" } as const;
  return module.function({ params }, (f, p) => {
    const here = f.local("i32");
    f.while(i32.gtS(p.width, 0), () => {
      f.set(here, i32.select(p.width, panelWidth, i32.ltS(p.width, panelWidth)));
      f.call(strip, p.panel, step, p.source, p.iStride, p.kStride, here, p.k);
      f.increment(p.panel, i32.mul(p.k, step));
      f.increment(p.source, i32.mul(p.iStride, panelWidth));
      f.set(p.width, i32.sub(p.width, panelWidth));
    });
  });
}

/** Where neighbours in i are neighbours in memory, rows are copied. */
function packRows(f: FunctionBuilder, p: StripLocals, vectors: number): void {
  f.if(i32.eqz(p.k), () => f.return());
  f.loop((again) => {
    for (let j = 0; j < vectors; j++) f.store.v128(p.panel, v128.load(p.source, 16 * j), 16 * j);
    f.increment(p.panel, p.step);
    f.increment(p.source, p.kStride);
    f.brIf(again, f.tee(p.k, i32.sub(p.k, 1)));
  });
}

/** Where neighbours in k are neighbours in memory, blocks of 4 × 4 are transposed; leaves k mod 4 rows to do. */
function packTransposed(f: FunctionBuilder, p: StripLocals, vectors: number): void {
  const last = f.local("i32", i32.sub(p.width, 1));
  // Rows the strip does not have are read from its last one.
  const rows = Array.from({ length: 4 * vectors }, (_, i) =>
    f.local("i32", i32.add(p.source, i32.mul(p.iStride, i32.select(i, last, i32.ltS(i, last))))),
  );
  f.while(i32.geS(p.k, 4), () => {
    const columns = Array.from({ length: vectors }, (_, j) => {
      const [a, b, c, d] = rows.slice(4 * j, 4 * j + 4).map((row) => f.local("v128", v128.load(row)));
      return transpose(f, [a, b, c, d] as Quad);
    });
    for (let k = 0; k < 4; k++) {
      columns.forEach((block, j) => {
        f.store.v128(p.panel, block[k] as Local<"v128">, 16 * j);
      });
      f.increment(p.panel, p.step);
    }
    for (const row of rows) f.increment(row, 16);
    f.increment(p.source, 16);
    f.set(p.k, i32.sub(p.k, 4));
  });
}

type Quad = readonly [Local<"v128">, Local<"v128">, Local<"v128">, Local<"v128">];

/** Transposes a 4 × 4 block of 32-bit elements. */
export function transpose(f: FunctionBuilder, [a, b, c, d]: Quad): Quad {
  const lowAB = f.local("v128", i32x4.shuffle(a, b, [0, 4, 1, 5]));
  const lowCD = f.local("v128", i32x4.shuffle(c, d, [0, 4, 1, 5]));
  const highAB = f.local("v128", i32x4.shuffle(a, b, [2, 6, 3, 7]));
  const highCD = f.local("v128", i32x4.shuffle(c, d, [2, 6, 3, 7]));
  return [
    f.local("v128", i64x2.shuffle(lowAB, lowCD, [0, 2])),
    f.local("v128", i64x2.shuffle(lowAB, lowCD, [1, 3])),
    f.local("v128", i64x2.shuffle(highAB, highCD, [0, 2])),
    f.local("v128", i64x2.shuffle(highAB, highCD, [1, 3])),
  ];
}

/** Any strides, element by element. */
function packElements(f: FunctionBuilder, p: StripLocals, element: Element): void {
  const [i, from, to] = [f.local("i32"), f.local("i32"), f.local("i32")];
  f.while(p.k, () => {
    f.set(from, p.source);
    f.set(to, p.panel);
    f.for(i, 0, p.width, 1, () => {
      element.copy(f, to, from);
      f.increment(from, p.iStride);
      f.increment(to, element.byteLength);
    });
    f.increment(p.panel, p.step);
    f.increment(p.source, p.kStride);
    f.set(p.k, i32.sub(p.k, 1));
  });
}
