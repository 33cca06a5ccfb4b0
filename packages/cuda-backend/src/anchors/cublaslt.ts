// NVIDIA's matrix products. Descriptors and the algorithm are found once for each shape and kept; the first algorithm
// that the library proposes is taken, so that one shape is summed in one order.

import { type FloatType, TensorError } from "@torchium/tensor/backend";
import type { Gpu } from "../driver/gpu.js";
import { bind } from "../ffi/bind.js";
import { cublasLtFunctions } from "../ffi/cublaslt-functions.js";
import { machineOf, openLibrary } from "../ffi/open-library.js";
import type { NativeFunctions } from "../ffi/signatures.js";
import type { Session } from "../run/session.js";
import type { ColumnMajor, Product } from "./matmul-layout.js";

// Numbers of the library's interface.
const computeTypes = { float16: 68, bfloat16: 68, float32: 68, float64: 70 } as const satisfies Record<
  FloatType,
  number
>;
const dataTypes = { float16: 2, bfloat16: 14, float32: 0, float64: 1 } as const satisfies Record<FloatType, number>;
/** Of the factors that products are scaled by. */
const scaleTypes = { float16: 0, bfloat16: 0, float32: 0, float64: 1 } as const satisfies Record<FloatType, number>;
const descriptor = {
  transposeA: 3,
  transposeB: 4,
  epilogue: 7,
  biasPointer: 8,
  auxPointer: 11,
  auxLeading: 12,
} as const;
/** Bits of an epilogue: a bias, GELU, its gradient, and the matrix that GELU's input is kept in or read from. */
const epilogueBit = { bias: 4, gelu: 32, gradient: 64, aux: 128 } as const;
const layoutAttribute = { batchCount: 5, batchStride: 6 } as const;
const preference = { workspaceBytes: 1, alignments: [5, 6, 7, 8] } as const;
const heuristicBytes = 96;
const workspaceAt = 64;
const mostWorkspace = 32 * 2 ** 20;

/** What follows a product: a matrix C and a vector along the rows of the output are added, then GELU or its gradient. */
export type Additions = {
  /** Of the output, of C, the bias and `aux`. */
  readonly type: FloatType;
  readonly c?: ColumnMajor | undefined;
  readonly bias?: boolean;
  readonly gelu?: "value" | "gradient" | undefined;
  /** Where GELU's input is kept, or read from. */
  readonly aux?: ColumnMajor | undefined;
};

/** Device addresses of a product: first, second and output, of C where that is added, of the bias and of `aux`. */
export type Addresses = {
  readonly a: number;
  readonly b: number;
  readonly c?: number | undefined;
  readonly d: number;
  readonly bias?: number | undefined;
  readonly aux?: number | undefined;
};

/** A product ready to run. */
export type MatmulPlan = {
  readonly how: number;
  readonly layouts: readonly [a: number, b: number, c: number, d: number];
  readonly adds: Additions;
  readonly algorithm: Uint8Array;
  readonly workspaceBytes: number;
  readonly one: ArrayBufferView;
  readonly zero: ArrayBufferView;
};

/** cuBLASLt for one GPU. */
export class CublasLt {
  readonly path: string;
  readonly #gpu: Gpu;
  readonly #functions: NativeFunctions<typeof cublasLtFunctions>;
  readonly #handle: number;
  readonly #plans = new Map<string, MatmulPlan | undefined>();

  private constructor(gpu: Gpu, path: string, functions: NativeFunctions<typeof cublasLtFunctions>) {
    this.#gpu = gpu;
    this.path = path;
    this.#functions = functions;
    const { out } = gpu.driver;
    this.#check(functions.cublasLtCreate(out.bytes), "start");
    this.#handle = out.word;
  }

  /** Opens the library. @throws TensorError `unsupported` where there is none */
  static open(gpu: Gpu, explicit?: string): CublasLt {
    const { host, version } = gpu.driver;
    const driverMajor = Math.floor(version / 1000);
    return openLibrary(
      host,
      machineOf(host),
      "cublasLt",
      driverMajor,
      explicit,
      (library, path) => new CublasLt(gpu, path, bind(library, cublasLtFunctions)),
    );
  }

  /** The library's version: `13.1`. */
  get version(): string {
    const version = this.#functions.cublasLtGetVersion();
    return `${Math.floor(version / 10_000)}.${Math.floor((version % 10_000) / 100)}`;
  }

  /**
   * How to run a product whose operands (A, B, C, D) are aligned to some bytes, and what is added to it; undefined where the
   * library declines.
   */
  plan(
    type: FloatType,
    product: Product,
    alignments: readonly number[],
    adds: Additions = { type },
  ): MatmulPlan | undefined {
    const key = JSON.stringify([type, product, alignments, adds]);
    if (!this.#plans.has(key)) this.#plans.set(key, this.#make(type, product, alignments, adds));
    return this.#plans.get(key);
  }

  /** Enqueues a product. */
  run(session: Session, plan: MatmulPlan, { a, b, c, d, bias = 0, aux = 0 }: Addresses, label: string): void {
    const [la, lb, lc, ld] = plan.layouts;
    const { cublasLtMatmul } = this.#functions;
    const beta = plan.adds.c ? plan.one : plan.zero;
    const from = c ?? d;
    const enqueue = (workspace: number): void => {
      if (plan.adds.bias) this.#setAddress(plan.how, descriptor.biasPointer, bias);
      if (plan.adds.aux) this.#setAddress(plan.how, descriptor.auxPointer, aux);
      const operands = [plan.one, a, la, b, lb, beta, from, lc, d, ld] as const;
      const { algorithm, workspaceBytes } = plan;
      const { handle } = session.stream;
      const code = cublasLtMatmul(this.#handle, plan.how, ...operands, algorithm, workspace, workspaceBytes, handle);
      this.#check(code, `run ${label}`);
    };
    const call = (workspace: number): void =>
      session.call([plan.how, a, b, from, d, bias, aux, workspace], () => enqueue(workspace), label);
    if (plan.workspaceBytes === 0) call(0);
    else session.withScratch(plan.workspaceBytes, call);
  }

  /** Frees everything. */
  close(): void {
    const f = this.#functions;
    for (const plan of this.#plans.values()) {
      if (!plan) continue;
      f.cublasLtMatmulDescDestroy(plan.how);
      for (const layout of plan.layouts) f.cublasLtMatrixLayoutDestroy(layout);
    }
    this.#plans.clear();
    f.cublasLtDestroy(this.#handle);
  }

  #setAddress(how: number, attribute: number, address: number): void {
    const value = new BigUint64Array([BigInt(address)]);
    this.#check(this.#functions.cublasLtMatmulDescSetAttribute(how, attribute, value, 8), "set an address");
  }

  /** Tells what follows a product. Addresses are told at each run; algorithms are chosen by how they are aligned. */
  #setEpilogue(how: number, { bias, gelu, aux }: Additions): void {
    if (!bias && !gelu) return;
    const { cublasLtMatmulDescSetAttribute } = this.#functions;
    const bits =
      (bias ? epilogueBit.bias : 0) |
      (gelu === "value" ? epilogueBit.gelu : gelu ? epilogueBit.gradient : 0) |
      (aux ? epilogueBit.aux : 0);
    const value = new Int32Array([bits]);
    this.#check(cublasLtMatmulDescSetAttribute(how, descriptor.epilogue, value, 4), "set an epilogue");
    if (bias) this.#setAddress(how, descriptor.biasPointer, 256);
    if (!aux) return;
    const leading = new BigInt64Array([BigInt(aux.leading)]);
    this.#check(cublasLtMatmulDescSetAttribute(how, descriptor.auxLeading, leading, 8), "set an epilogue");
    this.#setAddress(how, descriptor.auxPointer, 256);
  }

  #make(type: FloatType, product: Product, alignments: readonly number[], adds: Additions): MatmulPlan | undefined {
    const f = this.#functions;
    const { out } = this.#gpu.driver;
    this.#check(f.cublasLtMatmulDescCreate(out.bytes, computeTypes[type], scaleTypes[type]), "describe a product");
    const how = out.word;
    for (const [attribute, { transposed }] of [
      [descriptor.transposeA, product.a],
      [descriptor.transposeB, product.b],
    ] as const) {
      const value = new Int32Array([transposed ? 1 : 0]);
      this.#check(f.cublasLtMatmulDescSetAttribute(how, attribute, value, 4), "transpose");
    }
    this.#setEpilogue(how, adds);
    const [sa, sb, sd] = product.batchStrides;
    const layouts = [
      this.#layout(type, product.a, product.batches, sa),
      this.#layout(type, product.b, product.batches, sb),
      this.#layout(adds.type, adds.c ?? product.d, product.batches, sd),
      this.#layout(adds.type, product.d, product.batches, sd),
    ] as const;
    const found = this.#algorithm(how, layouts, alignments);
    const numbers = type === "float64" ? Float64Array : Float32Array;
    return found && { how, layouts, adds, ...found, one: numbers.of(1), zero: numbers.of(0) };
  }

  #layout(type: FloatType, { rows, columns, leading }: ColumnMajor, batches: number, stride: number): number {
    const f = this.#functions;
    const { out } = this.#gpu.driver;
    this.#check(f.cublasLtMatrixLayoutCreate(out.bytes, dataTypes[type], rows, columns, leading), "describe a matrix");
    const layout = out.word;
    if (batches === 1) return layout;
    const [count, step] = [new Int32Array([batches]), new BigInt64Array([BigInt(stride)])];
    this.#check(f.cublasLtMatrixLayoutSetAttribute(layout, layoutAttribute.batchCount, count, 4), "batch");
    this.#check(f.cublasLtMatrixLayoutSetAttribute(layout, layoutAttribute.batchStride, step, 8), "batch");
    return layout;
  }

  #algorithm(how: number, [a, b, c, d]: MatmulPlan["layouts"], alignments: readonly number[]) {
    const f = this.#functions;
    const { out } = this.#gpu.driver;
    this.#check(f.cublasLtMatmulPreferenceCreate(out.bytes), "make a preference");
    const wish = out.word;
    try {
      const limit = new BigUint64Array([BigInt(mostWorkspace)]);
      this.#check(f.cublasLtMatmulPreferenceSetAttribute(wish, preference.workspaceBytes, limit, 8), "prefer");
      preference.alignments.forEach((attribute, i) => {
        const bytes = new Uint32Array([alignments[i]!]);
        this.#check(f.cublasLtMatmulPreferenceSetAttribute(wish, attribute, bytes, 4), "prefer");
      });
      const result = new Uint8Array(heuristicBytes);
      const count = new Int32Array(1);
      const code = f.cublasLtMatmulAlgoGetHeuristic(this.#handle, how, a, b, c, d, wish, 1, result, count);
      if (code !== 0 || count[0] === 0) return undefined;
      const workspaceBytes = Number(new DataView(result.buffer).getBigUint64(workspaceAt, true));
      return { algorithm: result.slice(0, workspaceAt), workspaceBytes };
    } finally {
      f.cublasLtMatmulPreferenceDestroy(wish);
    }
  }

  #check(code: number, action: string): void {
    if (code === 0) return;
    // An error of the context shows in the driver first, with its own code.
    const { driver } = this.#gpu;
    driver.check(driver.functions.cuMemGetInfo_v2(new BigUint64Array(1), driver.out.bytes), action);
    throw new TensorError("internal", `cuda: cuBLASLt cannot ${action}, got status ${code}`, { code, action });
  }
}
