// Matrix products as tests run them: operands laid out in a pool's memory among NaNs, and what should come of them.

import { expect } from "vitest";
import { commandFlags } from "../../pool/layout.js";
import type { Pool } from "../../pool/pool.js";
import { type GemmOptions, gemmModule, gemmWorkspaceByteLength } from "../gemm.js";
import { type GemmParams, writeGemmParams } from "../params.js";

/** What kernels are built for, apart from the memory. */
export type Engine = Omit<GemmOptions, "shared">;

/** Plain SIMD. */
export const plain: Engine = { relaxedSimd: false };
/** Fused multiply-adds. */
export const fused: Engine = { relaxedSimd: true };
/** The tiles for 256-bit engines. */
export const wide: Engine = { relaxedSimd: true, wideSimd: true };

/** Element type of a product. */
export type Type = "float32" | "float64";
/** How the elements of A or B lie: row by row, column by column, or with gaps everywhere. */
export type Layout = "rows" | "columns" | "spread";

/** Sizes, layouts and batches of a product. */
export interface Case {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a?: Layout;
  readonly b?: Layout;
  readonly accumulate?: boolean;
  readonly outer?: number;
  readonly inner?: number;
  /** Columns between rows of C. */
  readonly gap?: number;
}

/** Numbers that look random, the same ones each time. */
function noise(seed: number): () => number {
  let state = seed * 2654435761 + 12345;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
}

/** Row stride, column stride and element count of a matrix. */
function strides(layout: Layout, rows: number, columns: number): readonly [number, number, number] {
  if (layout === "rows") return [columns, 1, rows * columns];
  if (layout === "columns") return [1, rows, rows * columns];
  return [3 * columns + 1, 3, rows * (3 * columns + 1)];
}

/** The kernels of one engine on one pool, run on inputs that are the same for the same seed. */
export class Product {
  readonly pool: Pool;
  readonly #kernels: Record<Type, number>;

  constructor(pool: Pool, engine: Engine) {
    this.pool = pool;
    const module = gemmModule({ shared: pool.shared, ...engine });
    this.#kernels = {
      float32: pool.register(module, "gemmFloat32"),
      float64: pool.register(module, "gemmFloat64"),
    };
    pool.memory.grow(Math.ceil((pool.threads * gemmWorkspaceByteLength + 2 ** 23) / 65536));
  }

  /** Runs a case on inputs made from `seed`; C with its gaps, and what it should be. */
  multiply(type: Type, t: Case, seed = 1) {
    const [outer, inner] = [t.outer ?? 1, t.inner ?? 1];
    const batch = outer * inner;
    const [aRow, aColumn, aSize] = strides(t.a ?? "rows", t.m, t.k);
    const [bRow, bColumn, bSize] = strides(t.b ?? "rows", t.k, t.n);
    const cRow = t.n + (t.gap ?? 0);
    const cSize = t.m * cRow;
    const View = type === "float32" ? Float32Array : Float64Array;
    const bytes = View.BYTES_PER_ELEMENT;
    // 4 bytes off any larger alignment, as slices of tensors are.
    const place = (address: number, count: number) => Math.ceil((address + count * bytes + 64) / 64) * 64 + bytes;
    const a = 4096 + bytes;
    const b = place(a, batch * aSize);
    const c = place(b, batch * bSize);
    const workspace = Math.ceil(place(c, batch * cSize) / 16) * 16;
    const params: GemmParams = {
      ...{ rows: t.m, columns: t.n, inner: t.k, accumulate: t.accumulate ?? false },
      ...{ a, aRowStride: aRow, aColumnStride: aColumn, aOuterStride: inner * aSize, aInnerStride: aSize },
      ...{ b, bRowStride: bRow, bColumnStride: bColumn, bOuterStride: inner * bSize, bInnerStride: bSize },
      ...{ c, cRowStride: cRow, cOuterStride: inner * cSize, cInnerStride: cSize },
      ...{ outerBatch: outer, innerBatch: inner, workspace },
    };
    const all = new View(this.pool.memory.buffer);
    // Whatever lies around the operands must not matter.
    all.fill(Number.NaN, a / bytes - 2, workspace / bytes + 1000);
    const random = noise(seed);
    const put = (address: number, count: number) => {
      const values = Float64Array.from({ length: count }, random);
      all.set(values, address / bytes);
      return all.slice(address / bytes, address / bytes + count);
    };
    const [av, bv, before] = [put(a, batch * aSize), put(b, batch * bSize), put(c, batch * cSize)];
    expect(workspace + this.pool.threads * gemmWorkspaceByteLength).toBeLessThanOrEqual(
      this.pool.memory.buffer.byteLength,
    );

    writeGemmParams(new Int32Array(this.pool.memory.buffer), 1024, params);
    this.pool.run(Int32Array.of(this.#kernels[type], 1024, commandFlags.parallel, 0), 1);
    const actual = all.slice(c / bytes, c / bytes + batch * cSize);
    expect(all[c / bytes - 1]).toBeNaN();
    expect(all[c / bytes + batch * cSize]).toBeNaN();

    const expected = Float64Array.from(before);
    const bound = new Float64Array(expected.length);
    for (let p = 0; p < batch; p++) {
      for (let i = 0; i < t.m; i++) {
        for (let j = 0; j < t.n; j++) {
          const at = p * cSize + i * cRow + j;
          let sum = t.accumulate ? (before[at] as number) : 0;
          let magnitude = Math.abs(sum);
          for (let k = 0; k < t.k; k++) {
            const product =
              (av[p * aSize + i * aRow + k * aColumn] as number) * (bv[p * bSize + k * bRow + j * bColumn] as number);
            sum += product;
            magnitude += Math.abs(product);
          }
          expected[at] = sum;
          // The bound of a sum in any order: one rounding a term.
          bound[at] = (t.k + 2) * magnitude * (type === "float32" ? 2 ** -24 : 2 ** -52);
        }
      }
    }
    return { actual, expected, bound };
  }

  /** Compares a case with sums in float64. */
  check(type: Type, t: Case): void {
    const { actual, expected, bound } = this.multiply(type, t);
    actual.forEach((value, i) => {
      const error = Math.abs(value - (expected[i] as number));
      if (!(error <= (bound[i] as number))) {
        expect.fail(`${type} ${JSON.stringify(t)}: element ${i} is ${value}, expected ${expected[i]}`);
      }
    });
  }
}
