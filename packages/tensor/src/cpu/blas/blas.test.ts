import { afterAll, describe, expect, it } from "vitest";
import type { LaunchOperand } from "../../backend/backend.js";
import { seededNumbers } from "../../reference/random-order.js";
import { type CpuBackend, createCpuBackend } from "../backend.js";
import { forBlas, gridFor } from "./split.js";
import { loopLibrary } from "./testing/loops.js";

/** A product [batch, m, n, k] with A, B or C laid out as given. */
interface Case {
  readonly batch?: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a?: "rows" | "columns" | "spread" | "padded" | "one row";
  readonly b?: "rows" | "columns" | "spread" | "padded";
  readonly c?: "rows" | "columns";
}

const cases: readonly (Case & { readonly library: boolean })[] = [
  { m: 70, n: 80, k: 90, library: true },
  { m: 70, n: 80, k: 90, a: "columns", library: true },
  { m: 70, n: 80, k: 90, b: "columns", library: true },
  { m: 70, n: 80, k: 90, a: "columns", b: "columns", library: true },
  { m: 70, n: 80, k: 90, a: "padded", b: "padded", library: true },
  { m: 70, n: 80, k: 90, c: "columns", library: true },
  { m: 5, n: 300, k: 200, library: true },
  { m: 1, n: 600, k: 500, b: "columns", library: true },
  { m: 600, n: 1, k: 500, library: true },
  { batch: 3, m: 65, n: 70, k: 80, b: "columns", library: true },
  { batch: 4, m: 65, n: 70, k: 80, library: true },
  { batch: 13, m: 64, n: 64, k: 64, library: true },
  // What no library reads, and what is not worth a call.
  { m: 70, n: 80, k: 90, a: "spread", library: false },
  { m: 70, n: 80, k: 90, b: "spread", library: false },
  { m: 70, n: 80, k: 90, a: "one row", library: false },
  { m: 8, n: 8, k: 8, library: false },
  { m: 500, n: 500, k: 0, library: false },
];

type Matrix = { readonly strides: readonly [number, number, number]; readonly length: number };

function lay(layout: string, rows: number, columns: number): Omit<Matrix, "length"> & { readonly size: number } {
  if (layout === "columns") return { strides: [rows * columns, 1, rows], size: rows * columns };
  if (layout === "one row") return { strides: [columns, 0, 1], size: columns };
  const [row, column] = layout === "spread" ? [2 * columns + 1, 2] : [columns + (layout === "padded" ? 5 : 0), 1];
  return { strides: [rows * row, row, column], size: rows * row };
}

/** Runs a case; what C holds, and how far it may be from what it should. */
function product(backend: CpuBackend, type: "float32" | "float64", t: Case) {
  const View = type === "float32" ? Float32Array : Float64Array;
  const { batch = 1, m, n, k } = t;
  const random = seededNumbers(m * 31 + n);
  const matrices = [lay(t.a ?? "rows", m, k), lay(t.b ?? "rows", k, n), lay(t.c ?? "rows", m, n)] as const;
  // One element off the start, so that offsets count; C full of NaN, which must not matter.
  const data = matrices.map(({ size }, i) => {
    const values = new View(batch * size + 1);
    for (let e = 0; e < values.length; e++) values[e] = i === 2 ? Number.NaN : random() * 2 - 1;
    return values;
  }) as [Float32Array, Float32Array, Float32Array];
  const operands = matrices.map(({ strides: [outer, row, column] }, i): LaunchOperand => {
    const values = data[i] as Float32Array;
    const buffer = backend.allocate(values.byteLength);
    backend.write(buffer, new Uint8Array(values.buffer));
    const strides = [
      [outer, row, 0, column],
      [outer, 0, column, row],
      [outer, row, column, 0],
    ][i] as number[];
    return { binding: { buffer }, byteOffset: 0, strides, offset: 1 };
  });
  const executable = backend.anchor({ op: "matmul", attributes: { type }, rank: 4 })!;
  backend.submit([{ executable, sizes: [batch, m, n, k], operands, scalars: [], stage: 0, label: "matmul" }]);
  const actual = new View(backend.readSync(operands[2]!.binding!.buffer!).slice(0, data[2].byteLength).buffer);
  for (const { binding } of operands) backend.release(binding!.buffer!);
  const at = (i: number, p: number, row: number, column: number): number => {
    const { strides } = matrices[i]!;
    return 1 + p * strides[0] + row * strides[1] + column * strides[2];
  };
  let worst = 0;
  for (let p = 0; p < batch; p++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let x = 0; x < k; x++) sum += data[0][at(0, p, i, x)]! * data[1][at(1, p, x, j)]!;
        worst = Math.max(worst, Math.abs(actual[at(2, p, i, j)]! - sum));
      }
    }
  }
  return { worst, limit: (k + 1) * (type === "float32" ? 2 ** -23 : 2 ** -52) };
}

const libraries = await Promise.all(
  [1, 2, 3, 4].map(async (threads) => {
    const { blas, calls } = loopLibrary(64 ** 3);
    return { threads, calls, backend: await createCpuBackend({ threads, parallelNanoseconds: 0, blas }) };
  }),
);
afterAll(() => {
  for (const { backend } of libraries) backend.dispose();
});

describe.each(libraries)("a library on $threads threads", ({ backend, calls, threads }) => {
  it.each(cases)("%o", (t) => {
    for (const type of ["float32", "float64"] as const) {
      const before = calls();
      const { worst, limit } = product(backend, type, t);
      expect(worst).toBeLessThanOrEqual(limit);
      const made = calls() - before;
      if (!t.library) expect(made).toBe(0);
      // Whole matrices where there are many of them, else a part a thread.
      else if (threads === 1 || (t.batch ?? 1) % threads === 0 || (t.batch ?? 1) >= 4 * threads)
        expect(made).toBe(t.batch ?? 1);
      else expect(made).toBeGreaterThan(t.batch ?? 1);
    }
  });

  it("is named by the device", () => {
    expect(backend.info).toMatch(new RegExp(`^${threads} threads?, \\w+ SIMD, large matrix products by plain loops$`));
  });
});

describe("a library", () => {
  it("that is missing leaves the embedded products, and the device says why", async () => {
    const backend = await createCpuBackend({ threads: 1, blas: { missing: "no library was found" } });
    expect(product(backend, "float32", { m: 70, n: 80, k: 90 }).worst).toBeLessThan(1e-5);
    expect(backend.info).toContain("embedded matrix products (no library was found)");
    backend.dispose();
  });

  it("that another thread cannot load is an error, not fewer threads", async () => {
    const { blas } = loopLibrary(64 ** 3);
    const broken = { ...blas, worker: { source: "() => { throw new Error('not here') }", data: undefined } };
    await expect(createCpuBackend({ threads: 2, blas: broken })).rejects.toThrow(/worker did not start: not here/);
  });

  it("whose product throws fails the submission, and the backend can be used on", async () => {
    const { blas } = loopLibrary(64 ** 3);
    let broken = true;
    const connect: typeof blas.connect = (memory) => {
      const products = blas.connect(memory);
      const gemmFloat32: typeof products.gemmFloat32 = (...args) => {
        if (broken) throw new Error("the library is gone");
        products.gemmFloat32(...args);
      };
      return { ...products, gemmFloat32 };
    };
    for (const threads of [1, 2]) {
      broken = true;
      const backend = await createCpuBackend({ threads, parallelNanoseconds: 0, blas: { ...blas, connect } });
      expect(() => product(backend, "float32", { m: 70, n: 80, k: 90 })).toThrow(/the library is gone/);
      broken = false;
      expect(product(backend, "float32", { m: 70, n: 80, k: 90 }).worst).toBeLessThan(1e-4);
      backend.dispose();
    }
  });
});

describe("the grid", () => {
  const sizes = { rows: 768, columns: 384, inner: 128, outerBatch: 1, innerBatch: 1 };
  const strides = { aRowStride: 128, aColumnStride: 1, bRowStride: 384, bColumnStride: 1, cRowStride: 384 };
  const batch = {
    aOuterStride: 0,
    bOuterStride: 0,
    cOuterStride: 0,
    aInnerStride: 0,
    bInnerStride: 0,
    cInnerStride: 0,
  };
  const full = { ...sizes, ...strides, ...batch, accumulate: false, workspace: 0 };

  it("cuts the longer side first, and both on many threads", () => {
    expect(gridFor(full, 2)).toEqual({ rowParts: 2, columnParts: 1 });
    expect(gridFor({ ...full, rows: 8 }, 2)).toEqual({ rowParts: 1, columnParts: 2 });
    expect(gridFor({ ...full, rows: 1024, columns: 1024 }, 16)).toEqual({ rowParts: 4, columnParts: 4 });
    expect(gridFor(full, 7)).toEqual({ rowParts: 7, columnParts: 1 });
  });

  it("gives axes of one element the strides that a library expects", () => {
    const one = { ...full, inner: 1024, aRowStride: 1024, bRowStride: 1024 };
    const row = forBlas({ ...one, rows: 1, columns: 1024, aRowStride: 0, cRowStride: 0 }, 1);
    expect(row).toMatchObject({ aRowStride: 1024, aColumnStride: 1, cRowStride: 1024 });
    const column = forBlas({ ...one, rows: 1024, columns: 1, bRowStride: 1, bColumnStride: 0 }, 1);
    expect(column).toMatchObject({ bRowStride: 1, bColumnStride: 1 });
  });
});
