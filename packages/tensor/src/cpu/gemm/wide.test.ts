// In a file of its own: the flag it sets holds for the whole process.
import { describe, expect, it } from "vitest";
import { createPool } from "../pool/pool.js";
import { enableWideSimd } from "../wasm/wide-simd.js";
import { type Case, fused, Product, wide } from "./testing/product.js";

describe.skipIf(!enableWideSimd())("256-bit SIMD", () => {
  it("gives the bits of 128-bit SIMD, also once the engine has optimised the kernels", async () => {
    const pool = await createPool({ threads: 1 });
    const [narrow, broad] = [new Product(pool, fused), new Product(pool, wide)];
    const cases: readonly Case[] = [
      { m: 37, n: 70, k: 300 },
      { m: 2, n: 65, k: 40 },
      { m: 20, n: 40, k: 33, a: "columns", b: "columns", accumulate: true },
    ];
    for (const t of cases) {
      const expected = narrow.multiply("float32", t).actual;
      for (let i = 0; i < 60; i++) expect(broad.multiply("float32", t).actual).toEqual(expected);
    }
    pool.dispose();
  });
});
