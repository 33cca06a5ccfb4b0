import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandFlags } from "../pool/layout.js";
import { createPool, type Pool } from "../pool/pool.js";
import { detectFeatures } from "../wasm/features.js";
import { gemmModule, gemmWorkspaceByteLength } from "./gemm.js";
import { type GemmParams, gemmParamsByteLength, writeGemmParams } from "./params.js";

type Type = "float32" | "float64";
type Layout = "rows" | "columns" | "spread";

interface Case {
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

class Product {
  readonly pool: Pool;
  readonly #kernels: Record<Type, number>;

  constructor(pool: Pool, relaxedSimd: boolean) {
    this.pool = pool;
    const module = gemmModule({ shared: pool.shared, relaxedSimd });
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

const layouts: readonly Layout[] = ["rows", "columns", "spread"];
const engines = detectFeatures().relaxedSimd ? [true, false] : [false];

describe.each(engines)("gemm, relaxed SIMD %s", (relaxedSimd) => {
  const products: Product[] = [];
  beforeAll(async () => {
    for (const threads of [1, 2, 3]) products.push(new Product(await createPool({ threads }), relaxedSimd));
  });
  afterAll(() => {
    for (const { pool } of products) pool.dispose();
  });
  const one = () => products[0] as Product;

  it("all small sizes", () => {
    const sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 17];
    for (const m of sizes)
      for (const n of sizes) for (const k of [1, 2, 3, 4, 5, 8, 11]) one().check("float32", { m, n, k });
  });

  it.each(["float32", "float64"] as const)("all layouts of A and B, sizes off the tiles and blocks, %s", (type) => {
    const sizes = [
      [1, 33, 70],
      [5, 100, 37],
      [31, 9, 65],
      [50, 70, 300],
      [67, 130, 21],
      [250, 11, 33],
      [7, 1100, 19],
    ] as const;
    for (const [m, n, k] of sizes) {
      for (const a of layouts) {
        for (const b of layouts) one().check(type, { m, n, k, a, b, accumulate: k % 2 === 1, gap: m % 3 });
      }
    }
  });

  it("empty sums write zeros, or leave C as it is; empty results write nothing", () => {
    for (const type of ["float32", "float64"] as const) {
      const { actual } = one().multiply(type, { m: 9, n: 11, k: 0 });
      expect([...actual]).toEqual(Array(99).fill(0));
      for (const t of [
        { m: 9, n: 11, k: 0, accumulate: true },
        { m: 0, n: 5, k: 3 },
        { m: 5, n: 0, k: 3 },
      ])
        one().check(type, t);
      one().check(type, { m: 4, n: 4, k: 4, outer: 0 });
    }
  });

  it("batches of two levels", () => {
    for (const a of layouts) {
      for (const b of layouts) one().check("float32", { m: 17, n: 19, k: 23, a, b, outer: 2, inner: 3, gap: 2 });
    }
    one().check("float64", { m: 3, n: 5, k: 7, outer: 3, inner: 2 });
  });

  it("any number of threads gives the same bits", () => {
    const cases: readonly Case[] = [
      { m: 1, n: 300, k: 515, b: "columns" },
      { m: 3, n: 300, k: 515 },
      { m: 300, n: 3, k: 70, a: "columns" },
      { m: 130, n: 70, k: 600 },
      { m: 6, n: 6, k: 9, outer: 5, inner: 3 },
      { m: 40, n: 64, k: 32, outer: 2, b: "columns", accumulate: true },
    ];
    for (const type of ["float32", "float64"] as const) {
      for (const t of cases) {
        const results = products.map((product) => product.multiply(type, t).actual);
        for (const result of results.slice(1)) expect(result, JSON.stringify(t)).toEqual(results[0]);
        (products[2] as Product).check(type, t);
      }
    }
  });
});

describe("the parameter block", () => {
  it("has a word a field", () => {
    expect(gemmParamsByteLength).toBe(84);
    expect(gemmWorkspaceByteLength % 16).toBe(0);
  });
});
