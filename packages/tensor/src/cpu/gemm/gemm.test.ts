import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPool } from "../pool/pool.js";
import { detectFeatures } from "../wasm/features.js";
import { gemmWorkspaceByteLength } from "./gemm.js";
import { gemmParamsByteLength } from "./params.js";
import { type Case, fused, type Layout, Product, plain, wide } from "./testing/product.js";

const layouts: readonly Layout[] = ["rows", "columns", "spread"];
const engines = detectFeatures().relaxedSimd ? [plain, fused, wide] : [plain];

describe.each(engines)("gemm, %o", (engine) => {
  const products: Product[] = [];
  beforeAll(async () => {
    for (const threads of [1, 2, 3]) products.push(new Product(await createPool({ threads }), engine));
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
    expect(gemmParamsByteLength).toBe(88);
    expect(gemmWorkspaceByteLength % 16).toBe(0);
  });
});
