// What the library refuses, as its header says: were the emulator more forgiving, mistakes in descriptors would show on a GPU
// only.

import { TensorError } from "@torchium/tensor/backend";
import { afterEach, expect, it } from "vitest";
import { Driver } from "../driver/driver.js";
import { Gpu } from "../driver/gpu.js";
import { loadHost } from "../ffi/host.js";
import type { Session } from "../run/session.js";
import { describeOnEmulator } from "../testing/describe-on-emulator.js";
import { type Additions, type Addresses, CublasLt } from "./cublaslt.js";
import type { Product } from "./matmul-layout.js";

const matrix = (rows: number, columns: number, leading = rows) => ({ rows, columns, leading, transposed: false });
const product: Product = {
  swapped: true,
  a: matrix(16, 3),
  b: matrix(3, 5),
  d: matrix(16, 5),
  batches: 1,
  batchStrides: [0, 0, 0],
};
const aligned = [16, 16, 16, 16];
const type = "bfloat16";

describeOnEmulator("cuBLASLt refuses", (emulator) => {
  const close: (() => void)[] = [];
  afterEach(() => {
    for (const one of close.splice(0).reverse()) one();
  });
  const open = async () => {
    const driver = Driver.open(await loadHost(), emulator.path);
    const gpu = new Gpu(driver, 0);
    const library = CublasLt.open(gpu, emulator.path);
    close.push(
      () => gpu.close(),
      () => library.close(),
    );
    return { driver, library };
  };

  it.each<[string, boolean, Additions, Product?]>([
    ["nothing here: GELU, its input kept", true, { type, gelu: "value", aux: matrix(16, 5) }],
    ["nothing here: rows further apart", true, { type, gelu: "value", aux: matrix(16, 5, 24) }],
    [
      "columns of GELU's input that are not a multiple of 8 apart",
      false,
      { type, gelu: "value", aux: matrix(16, 5, 20) },
    ],
    ["columns of GELU's input that overlap", false, { type, gelu: "gradient", aux: matrix(16, 5, 8) }],
    ["GELU's gradient without its input", false, { type, gelu: "gradient" }],
    ["GELU's gradient with a bias", false, { type, gelu: "gradient", bias: true, aux: matrix(16, 5) }],
    ["GELU in batches", false, { type, gelu: "value" }, { ...product, batches: 2, batchStrides: [48, 15, 80] }],
    ["results of the other 16 bits", false, { type: "float16" }],
  ])("%s", async (_, takes, adds, of = product) => {
    const { library } = await open();
    expect(library.plan(type, of, aligned, adds) !== undefined).toBe(takes);
  });

  it("addresses that are missing, or lie on the output", async () => {
    const { driver, library } = await open();
    const plan = library.plan(type, product, aligned, { type, bias: true, gelu: "value", aux: matrix(16, 5) })!;
    driver.check(driver.functions.cuMemAlloc_v2(driver.out.bytes, 4096), "allocate");
    const base = driver.out.word;
    close.push(() => driver.functions.cuMemFree_v2(base));
    const session = {
      stream: { handle: 0 },
      call: (_: unknown, enqueue: () => void) => enqueue(),
    } as unknown as Session;
    const addresses = { a: base, b: base + 512, d: base + 1024, bias: base + 2048, aux: base + 3072 };
    const run = (change: Partial<Addresses>) => () =>
      library.run(session, plan, { ...addresses, ...change }, "a product");
    for (const change of [{ bias: 0 }, { aux: 0 }, { aux: base + 1024 }, { aux: base + 3080 }, { d: 0 }]) {
      expect(run(change), JSON.stringify(change)).toThrow(TensorError);
      expect(run(change)).toThrow("cuBLASLt cannot run a product, got status 7");
    }
  });
});
