// Speed of what the CPU backend is made of: matrix products (GFLOP/s), vector maths (elements/ns), waking the pool (µs).
// Report only; run it with nothing else running. For the wide tiles start Node with --experimental-wasm-revectorize.

import { gemmModule, gemmWorkspaceByteLength } from "../src/cpu/gemm/gemm.js";
import { writeGemmParams } from "../src/cpu/gemm/params.js";
import { mathEmitters } from "../src/cpu/math/math.js";
import { commandFlags } from "../src/cpu/pool/layout.js";
import { createPool, type Pool } from "../src/cpu/pool/pool.js";
import { type Local, ModuleBuilder, v128 } from "../src/cpu/wasm/assembler.js";
import { detectFeatures } from "../src/cpu/wasm/features.js";

/** Best of several rounds, in nanoseconds a run. */
function measure(run: () => void): number {
  const until = performance.now() + 200;
  while (performance.now() < until) run();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 12; round++) {
    const start = performance.now();
    let turns = 0;
    while (performance.now() - start < 15) {
      run();
      turns++;
    }
    best = Math.min(best, ((performance.now() - start) * 1e6) / turns);
  }
  return best;
}

type Product = {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  readonly batch?: number;
  readonly transposed?: "A" | "B";
};

const products: readonly Product[] = [
  { name: "512 × 512 × 512", rows: 512, columns: 512, inner: 512 },
  { name: "1024 × 1024 × 1024", rows: 1024, columns: 1024, inner: 1024 },
  { name: "linear forward, 768 × 384 × 128, Bᵀ", rows: 768, columns: 384, inner: 128, transposed: "B" },
  { name: "weight gradient, 384 × 128 × 768, Aᵀ", rows: 384, columns: 128, inner: 768, transposed: "A" },
  { name: "attention scores, 48 of 64 × 64 × 32, Bᵀ", rows: 64, columns: 64, inner: 32, batch: 48, transposed: "B" },
  { name: "decoding, 1 × 768 × 768, Bᵀ", rows: 1, columns: 768, inner: 768, transposed: "B" },
  { name: "decoding, 8 × 768 × 768, Bᵀ", rows: 8, columns: 768, inner: 768, transposed: "B" },
];

function measureProduct(pool: Pool, kernel: number, { rows, columns, inner, batch = 1, transposed }: Product): number {
  const [a, aSize, bSize] = [65536, rows * inner, inner * columns];
  const b = a + 4 * batch * aSize + 4096;
  const c = b + 4 * batch * bSize + 4096;
  const workspace = c + 4 * batch * rows * columns + 4096;
  const missing = workspace + pool.threads * gemmWorkspaceByteLength - pool.memory.buffer.byteLength;
  if (missing > 0) pool.memory.grow(Math.ceil(missing / 65536));
  new Float32Array(pool.memory.buffer, a, (c - a) / 4).forEach((_, i, all) => {
    all[i] = Math.sin(i);
  });
  writeGemmParams(new Int32Array(pool.memory.buffer), 1024, {
    ...{ rows, columns, inner, accumulate: false, workspace, outerBatch: 1, innerBatch: batch },
    ...{ a, aRowStride: transposed === "A" ? 1 : inner, aColumnStride: transposed === "A" ? rows : 1 },
    ...{ b, bRowStride: transposed === "B" ? 1 : columns, bColumnStride: transposed === "B" ? inner : 1 },
    ...{ c, cRowStride: columns, aOuterStride: 0, bOuterStride: 0, cOuterStride: 0 },
    ...{ aInnerStride: aSize, bInnerStride: bSize, cInnerStride: rows * columns },
  });
  const command = Int32Array.of(kernel, 1024, commandFlags.parallel, 0);
  return (2 * batch * rows * columns * inner) / measure(() => pool.run(command, 1));
}

const floats = 4096;

function measureMath(name: keyof typeof mathEmitters, relaxedSimd: boolean): number {
  const { arity, emit } = mathEmitters[name];
  const memory = new WebAssembly.Memory({ initial: 2 });
  const module = new ModuleBuilder({ relaxedSimd });
  module.importMemory("env", "memory", { shared: false });
  module.function({ params: {}, export: "run" }, (f) => {
    const at = f.local("i32");
    f.for(at, 0, 4 * floats, 64, () => {
      const group = (): Local<"v128">[] => [0, 16, 32, 48].map((offset) => f.local("v128", v128.load(at, offset)));
      emit(f, arity === 1 ? [group()] : [group(), group()]).forEach((v, i) => {
        f.store.v128(at, v, 65536 + 16 * i);
      });
    });
  });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), { env: { memory } });
  new Float32Array(memory.buffer, 0, floats).forEach((_, i, all) => {
    all[i] = 0.01 + 5 * Math.abs(Math.sin(i));
  });
  return floats / measure(exports.run as () => void);
}

const features = detectFeatures();
const wideSimd = process.execArgv.includes("--experimental-wasm-revectorize");
const engines = [
  ...(features.relaxedSimd ? [{ name: wideSimd ? "wide" : "relaxed", relaxedSimd: true, wideSimd }] : []),
  { name: "plain", relaxedSimd: false, wideSimd: false },
];
console.log(`Node ${process.version}`);

for (const options of [{ threads: 1 }, {}]) {
  const pool = await createPool(options);
  for (const { name, ...engine } of engines) {
    const kernel = pool.register(gemmModule({ shared: pool.shared, ...engine }), "gemmFloat32");
    console.log(`\nmatrix products, ${pool.threads} threads, ${name} SIMD, GFLOP/s`);
    for (const product of products) {
      console.log(`  ${product.name.padEnd(44)} ${measureProduct(pool, kernel, product).toFixed(1).padStart(7)}`);
    }
  }
  const idle = pool.register(gemmModule({ shared: pool.shared, relaxedSimd: false }), "gemmFloat32");
  new Int32Array(pool.memory.buffer).fill(0, 256, 512);
  const nothing = Int32Array.of(idle, 1024, commandFlags.parallel, 0);
  console.log(
    `\nan empty submit, ${pool.threads} threads: ${(measure(() => pool.run(nothing, 1)) / 1000).toFixed(2)} µs`,
  );
  pool.dispose();
}

for (const { name, relaxedSimd } of engines) {
  console.log(`\nvector maths, ${name} SIMD, elements/ns`);
  for (const key of ["exp", "expm1", "log", "log1p", "tanh", "erf", "sin", "pow", "rsqrt"] as const) {
    console.log(`  ${key.padEnd(8)} ${measureMath(key, relaxedSimd).toFixed(2).padStart(6)}`);
  }
}
