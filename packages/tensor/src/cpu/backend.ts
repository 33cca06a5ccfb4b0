// The embedded backend: kernels rendered to WebAssembly, run on a pool of threads over one memory. `submit` leaves the work to
// the pool's workers, so that the host can prepare what comes next; whatever needs the results, or the memory that the
// work uses, joins in first and waits for its end.

import { checkFlag, checkOptions, isPlain } from "../arguments.js";
import type {
  AnchorCall,
  Backend,
  BufferHandle,
  Capabilities,
  Kernel,
  Launch,
  LaunchError,
  MemoryInfo,
} from "../backend/backend.js";
import { allDTypes } from "../dtype.js";
import { argumentError, TensorError, unreachable } from "../errors.js";
import { Allocator, alignment, CpuBuffer, Workspace } from "./allocator.js";
import { Anchors } from "./anchors/anchors.js";
import { attentionPays } from "./anchors/attention.js";
import { faultWords, firstFault } from "./anchors/faults.js";
import { type Blas, describeProducts, libraryOf, type NoBlas } from "./blas/blas.js";
import { createPool, type Pool } from "./pool/pool.js";
import { defaultParallelNanoseconds } from "./run/cost.js";
import { KernelExecutable } from "./run/kernel-work.js";
import { Submission } from "./run/submission.js";
import type { CpuExecutable, Crew } from "./run/work.js";
import { maxMemoryPages } from "./wasm/assembler.js";
import { detectFeatures } from "./wasm/features.js";
import { enableWideSimd } from "./wasm/wide-simd.js";

/** Options of `createCpuBackend`. */
export type CpuBackendOptions = {
  /** Threads that run kernels, the calling one included; by default as many as the machine runs at once. */
  readonly threads?: number;
  /** Whether kernels may use relaxed SIMD; by default where the engine has it. */
  readonly relaxedSimd?: boolean;
  /**
   * Asks for 256-bit arithmetic, false unless given. Takes effect in Node from version 24 on, by an experimental flag
   * that holds for the whole process.
   */
  readonly wideSimd?: boolean;
  /**
   * Launches estimated to take less than this many nanoseconds run on one thread; by default what waking the others
   * costs. 0 shares out everything.
   */
  readonly parallelNanoseconds?: number;
  /** A library for the matrix products that it computes faster, as `findBlas` of `@torchium/cpu-blas` finds it. */
  readonly blas?: Blas | NoBlas;
  /** Bytes of memory it may hold; by default all that the engine grants, at most 4 GiB. */
  readonly limitBytes?: number;
};

/**
 * Makes the CPU backend. Where the engine cannot share memory between threads it runs on the calling thread alone.
 * @throws TensorError `unsupported` where the engine has no WebAssembly SIMD or a thread cannot load the BLAS, `argument` for
 * options without sense.
 */
export async function createCpuBackend(options: CpuBackendOptions = {}): Promise<CpuBackend> {
  checkBackendOptions(options);
  const { threads, blas } = options;
  if (blas !== undefined && !(isPlain(blas) && ("connect" in blas || "missing" in blas))) {
    throw argumentError("createCpuDevice", "blas", "what findBlas of @torchium/cpu-blas gives", blas);
  }
  const natives = libraryOf(blas);
  const pool = await createPool({ ...(threads !== undefined && { threads }), ...(natives && { natives }) });
  return new CpuBackend(pool, options);
}

function checkBackendOptions(options: CpuBackendOptions): void {
  const [op, flags, amounts] = ["createCpuDevice", ["relaxedSimd", "wideSimd"], ["parallelNanoseconds", "limitBytes"]];
  checkOptions(op, options, ["threads", "blas", ...flags, ...amounts]);
  const given: Readonly<Record<string, unknown>> = options;
  for (const name of flags) if (given[name] !== undefined) checkFlag(op, name, given[name]);
  for (const name of amounts) {
    const amount = given[name];
    if (amount === undefined || (typeof amount === "number" && amount >= 0)) continue;
    throw argumentError(op, name, "a number of at least 0", amount);
  }
}

// Scratch memory up to this size stays for the next launches.
const keptScratchBytes = 16 * 1024 * 1024;

// So much may be handed out while work runs whose memory is not free yet: enough for the next batch's data. More waits for
// the work to end, so that a training does not hold the memory of two steps.
const meanwhileBytes = 4 * 1024 * 1024;

const memoryEnd = maxMemoryPages * 65536;

/** Work that the pool has begun. */
type Running = {
  readonly number: number;
  readonly submission: Submission;
  /** Of its blocks. */
  readonly address: number;
  /** Buffers that were given back meanwhile: it may still use them. */
  readonly released: Set<CpuBuffer>;
  /** Bytes handed out meanwhile. */
  meanwhileBytes: number;
};

/** The backend over one pool, which has the library's products as natives. Made by `createCpuBackend`. */
export class CpuBackend implements Backend {
  readonly interfaceVersion = 1;
  readonly name = "cpu";
  readonly capabilities: Capabilities = {
    dtypes: new Set(allDTypes),
    maxBuffersPerLaunch: 32,
    maxBufferByteLength: memoryEnd - 65536,
    bindingAlignment: alignment,
    synchronousRead: true,
  };
  /** Never settles: the memory of this process does not go away. */
  readonly lost: Promise<TensorError> = new Promise(() => {});
  readonly #pool: Pool;
  readonly #allocator: Allocator;
  readonly #relaxedSimd: boolean;
  readonly #wideSimd: boolean;
  readonly #blas: Blas | NoBlas | undefined;
  readonly #crew: Crew;
  readonly #kernels = new Map<string, KernelExecutable>();
  readonly #anchors: Anchors;
  readonly #submissions = new WeakMap<readonly Launch[], Submission>();
  readonly #errors: LaunchError[] = [];
  readonly #blocks: Workspace;
  readonly #scratch: Workspace;
  #bytes: Uint8Array;
  #running: Running | undefined;
  #submits = 0;
  #disposed = false;

  constructor(pool: Pool, options: CpuBackendOptions) {
    this.#pool = pool;
    this.#relaxedSimd = (options.relaxedSimd ?? true) && detectFeatures().relaxedSimd;
    this.#wideSimd = (options.wideSimd ?? false) && this.#relaxedSimd && enableWideSimd();
    this.#blas = options.blas;
    this.#crew = {
      threads: pool.threads,
      parallelNanoseconds: options.parallelNanoseconds ?? defaultParallelNanoseconds,
    };
    // Address 0 stays unused.
    this.#allocator = new Allocator(pool.memory, alignment, Math.min(options.limitBytes ?? memoryEnd, memoryEnd));
    this.#anchors = new Anchors({
      pool,
      gemm: { shared: pool.shared, relaxedSimd: this.#relaxedSimd, wideSimd: this.#wideSimd },
      blas: libraryOf(options.blas),
      reserve: (byteLength) => this.#allocator.reserve(byteLength).address,
      compile: (kernel) => this.compile(kernel),
    });
    this.#blocks = new Workspace(this.#allocator);
    this.#scratch = new Workspace(this.#allocator);
    this.#bytes = new Uint8Array(pool.memory.buffer);
  }

  /** Threads that run kernels. */
  get threads(): number {
    return this.#pool.threads;
  }

  /** Whether 256-bit arithmetic was asked for and granted. */
  get wideSimd(): boolean {
    return this.#wideSimd;
  }

  /** Threads, instruction set and who computes matrix products. */
  get info(): string {
    const { threads } = this;
    const simd = this.#wideSimd ? "wide" : this.#relaxedSimd ? "relaxed" : "plain";
    return `${threads} ${threads === 1 ? "thread" : "threads"}, ${simd} SIMD, ${describeProducts(this.#blas)}`;
  }

  allocate(byteLength: number): BufferHandle {
    this.#check();
    if (this.#running && this.#running.meanwhileBytes + byteLength > meanwhileBytes) this.#join();
    const running = this.#running;
    if (!running) return this.#allocator.allocate(byteLength);
    try {
      const buffer = this.#allocator.allocate(byteLength);
      running.meanwhileBytes += byteLength;
      buffer.madeDuring = running.number;
      return buffer;
    } catch (error) {
      if (!TensorError.is(error, "out-of-memory")) throw error;
      this.#join();
      return this.#allocator.allocate(byteLength);
    }
  }

  release(buffer: BufferHandle): void {
    const own = this.#own(buffer);
    if (!this.#mayUse(own)) this.#allocator.release(own);
    else if (this.#running!.released.has(own)) unreachable("a buffer is released twice");
    else this.#running!.released.add(own);
  }

  write(buffer: BufferHandle, bytes: Uint8Array, byteOffset = 0): void {
    if (this.#mayUse(this.#own(buffer))) this.#join();
    this.#heap().set(bytes, this.#addressOf(buffer, byteOffset, bytes.byteLength));
  }

  async read(buffer: BufferHandle, byteOffset?: number, byteLength?: number): Promise<Uint8Array> {
    return this.readSync(buffer, byteOffset, byteLength);
  }

  readSync(buffer: BufferHandle, byteOffset = 0, byteLength = buffer.byteLength - byteOffset): Uint8Array {
    this.#join();
    const address = this.#addressOf(buffer, byteOffset, byteLength);
    return this.#heap().slice(address, address + byteLength);
  }

  compile(kernel: Kernel): KernelExecutable {
    this.#check();
    const known = this.#kernels.get(kernel.key);
    if (known) return known;
    const target = { shared: this.#pool.shared, relaxedSimd: this.#relaxedSimd };
    const executable = new KernelExecutable(kernel, target, this.#pool);
    this.#kernels.set(kernel.key, executable);
    return executable;
  }

  anchor(call: AnchorCall): CpuExecutable | undefined {
    this.#check();
    return this.#anchors.of(call);
  }

  pays(call: AnchorCall, sizes: readonly number[], withGradient: boolean): boolean {
    return call.op !== "attention" || attentionPays(call, sizes, withGradient);
  }

  submit(launches: readonly Launch[]): void {
    this.#check();
    const submission = this.#submissionOf(launches);
    if (submission.count === 0) return;
    this.#join();
    const address = this.#blocks.atLeast(submission.byteLength);
    const scratch = this.#scratch.atLeast(submission.scratchBytes);
    const blocks = submission.place(address, scratch);
    this.#heap().set(new Uint8Array(blocks.buffer), address);
    const runs = this.#pool.begin(submission.commands, submission.count);
    this.#running = { number: ++this.#submits, submission, address, released: new Set(), meanwhileBytes: 0 };
    if (!runs) this.#join();
  }

  // Ends the work that runs. @throws TensorError `internal` when a kernel of it has trapped
  #join(): void {
    const running = this.#running;
    if (!running) return;
    this.#running = undefined;
    try {
      this.#pool.join();
      this.#collectFaults(running.submission, running.address);
    } finally {
      for (const buffer of running.released) this.#allocator.release(buffer);
      this.#scratch.keepAtMost(keptScratchBytes);
    }
  }

  // Whether the work that runs may read or write a buffer.
  #mayUse(buffer: CpuBuffer): boolean {
    return this.#running !== undefined && buffer.madeDuring !== this.#running.number;
  }

  async checkErrors(): Promise<readonly LaunchError[]> {
    this.#join();
    return this.#errors.splice(0);
  }

  memory(): MemoryInfo {
    this.#join();
    return this.#allocator.info();
  }

  async time(launches: readonly Launch[]): Promise<number> {
    this.#join();
    const start = performance.now();
    this.submit(launches);
    this.#join();
    return performance.now() - start;
  }

  async finish(): Promise<void> {
    this.#join();
  }

  dispose(): void {
    this.#disposed = true;
    this.#pool.dispose();
  }

  #submissionOf(launches: readonly Launch[]): Submission {
    const known = this.#submissions.get(launches);
    if (known?.isOf(launches)) return known;
    const submission = new Submission(launches, this.#crew);
    this.#submissions.set(launches, submission);
    return submission;
  }

  #collectFaults(submission: Submission, address: number): void {
    for (const {
      word,
      threads,
      tableRows,
      launch: { label },
    } of submission.faults) {
      const start = address + word * 4;
      const bytes = this.#heap().slice(start, start + faultWords(threads) * 4);
      const fault = firstFault(new Int32Array(bytes.buffer));
      if (!fault) continue;
      const expected = `an integer from 0 to ${tableRows - 1}`;
      const message = `${label}: id is out of range, got ${fault.id}, expected ${expected}`;
      this.#errors.push({ label, code: "index", message });
    }
  }

  // The memory's bytes: a new view after each growth.
  #heap(): Uint8Array {
    const { buffer } = this.#pool.memory;
    if (this.#bytes.buffer !== buffer) this.#bytes = new Uint8Array(buffer);
    return this.#bytes;
  }

  #addressOf(buffer: BufferHandle, byteOffset: number, byteLength: number): number {
    const { address } = this.#own(buffer);
    const end = byteOffset + byteLength;
    if (byteOffset >= 0 && byteLength >= 0 && end <= buffer.byteLength) return address + byteOffset;
    return unreachable(`bytes ${byteOffset} to ${end} of a buffer of ${buffer.byteLength}`);
  }

  #own(buffer: BufferHandle): CpuBuffer {
    this.#check();
    if (buffer instanceof CpuBuffer && buffer.allocator === this.#allocator) return buffer;
    return unreachable("a buffer of another device");
  }

  #check(): void {
    if (this.#disposed) throw new TensorError("disposed", "cpu: the backend has been disposed");
  }
}
