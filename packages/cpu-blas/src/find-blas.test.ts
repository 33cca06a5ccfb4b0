import { inspect } from "node:util";
import { createCpuDevice, fromTypedArray } from "@torchium/tensor";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type BlasLibrary, findBlas } from "./find-blas.js";
import { checkProducts } from "./self-check.js";

const found = await findBlas();
const library = "connect" in found ? found : undefined;
if (!library) console.log(`findBlas: tests of a real library are skipped: ${(found as { missing: string }).missing}`);

const wave = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i + seed));

afterEach(() => vi.unstubAllEnvs());

describe("findBlas", () => {
  it("says why there is none, or which it is", () => {
    if ("missing" in found) expect(found.missing).not.toBe("");
    else expect(found.description).toContain(found.path);
  });

  it.skipIf(process.env.OPENBLAS_CORETYPE)("opens an OpenBLAS anew that takes the processor for an old one", () => {
    expect(JSON.stringify(found)).not.toContain("takes this processor for an old one");
    expect(process.env.OPENBLAS_CORETYPE).toBeUndefined();
  });

  it.each([
    [{ pth: "x" }, "findBlas: unknown option, got pth"],
    [{ path: 1 }, "findBlas: path must be a file or a library's name, got 1"],
    [{ coreType: "" }, "findBlas: coreType must be a processor's name"],
    ["libblas.so", "findBlas: options must be an object"],
  ])("refuses %j", async (options, message) => {
    await expect(findBlas(options as object)).rejects.toThrow(message);
    await expect(findBlas(options as object)).rejects.toMatchObject({ code: "argument" });
  });

  it("refuses a file that was named and is none", async () => {
    await expect(findBlas({ path: "/no/such/file.so" })).rejects.toMatchObject({ code: "unsupported" });
    await expect(findBlas({ path: process.execPath })).rejects.toThrow(
      /^findBlas: the library cannot be used: .*, got /,
    );
    vi.stubEnv("TORCHIUM_BLAS", "/no/such/file.so");
    await expect(findBlas()).rejects.toThrow("got /no/such/file.so");
  });
});

describe("checkProducts", () => {
  it("does not believe a library that multiplies wrong", () => {
    const nothing = () => ({ gemmFloat32: () => {}, gemmFloat64: () => {} });
    expect(() => checkProducts(nothing)).toThrow("its products are wrong, got NaN");
  });
});

describe.skipIf(!library)("a real library", () => {
  const blas = library as BlasLibrary;

  it("describes itself", () => {
    expect(blas.name).not.toBe("");
    expect([32, 64]).toContain(blas.integerBits);
    expect(() => checkProducts(blas.connect as Parameters<typeof checkProducts>[0])).not.toThrow();
  });

  it("is the same when it is named", async () => {
    expect(await findBlas({ path: blas.path })).toMatchObject({ description: blas.description });
  });

  it.runIf(blas?.name === "OpenBLAS").each([{}, { path: blas?.path }])(
    "refuses a processor whose kernels it did not take, also with %j",
    async (more) => {
      vi.stubEnv("OPENBLAS_CORETYPE", "Unchanged");
      const refused = findBlas({ coreType: "Nonsense", ...(more as object) });
      await expect(refused).rejects.toMatchObject({ code: "argument" });
      await expect(refused).rejects.toThrow(
        new RegExp(`^findBlas: OpenBLAS .* did not take coreType and chose ${blas.core}, got Nonsense, expected `),
      );
      expect(process.env.OPENBLAS_CORETYPE).toBe("Unchanged");
    },
  );

  it.runIf(blas?.name === "OpenBLAS")("takes the processor that it has chosen already, in any case", async () => {
    vi.stubEnv("OPENBLAS_CORETYPE", undefined);
    const coreType = blas.core!.toUpperCase();
    expect(await findBlas({ coreType })).toMatchObject({ core: blas.core });
    expect(process.env.OPENBLAS_CORETYPE).toBe(coreType);
  });

  it("is short where Node prints it", () => {
    expect(inspect(blas).length).toBeLessThan(300);
    expect(inspect(blas)).toContain(inspect(blas.path));
    expect(inspect({ blas }, { depth: 0 })).toBe("{ blas: [Object] }");
    expect(Object.keys({ ...blas })).toEqual(Object.keys(blas));
  });

  it.each([1, 2, 3])("computes a device's products on %i threads, also after memory has grown", async (threads) => {
    const device = await createCpuDevice({ threads, blas });
    expect(device.info).toContain(blas.description);
    const embedded = await createCpuDevice({ threads: 1 });
    for (const [m, n, k] of [[70, 50, 90] as const, [512, 300, 257] as const, [1500, 900, 40] as const]) {
      const [a, b] = [wave(m * k, 0), wave(n * k, 1)];
      const results = [device, embedded].map(async (on) => {
        const x = fromTypedArray(a, [m, k], { device: on, requiresGrad: true });
        const y = fromTypedArray(b, [n, k], { device: on });
        // Both transposes: the product itself, and the gradient of its sum of squares.
        const product = x.matmul(y.transpose(0, 1)).add(1);
        product.square().sum().backward();
        return [await product.data(), await x.grad!.data()] as Float32Array[];
      });
      const [actual, expected] = (await Promise.all(results)) as [Float32Array[], Float32Array[]];
      actual.forEach((values, i) => expect(apart(values, expected[i]!)).toBeLessThan(1e-5));
    }
    device.dispose();
    embedded.dispose();
  });
});

/** The largest difference, as a share of the largest number: sums of the same terms in another order. */
function apart(x: Float32Array, y: Float32Array): number {
  const largest = y.reduce((size, value) => Math.max(size, Math.abs(value)), 0);
  return x.reduce((worst, value, i) => Math.max(worst, Math.abs(value - y[i]!)), 0) / largest;
}
