// The backend: kernels rendered to CUDA C++, compiled by NVRTC, run on one stream. Everything is enqueued in order, so
// memory that is released can be handed out again at once, and nothing but a full host waits for the GPU.

import {
  type AnchorCall,
  allDTypes,
  type Backend,
  type BufferHandle,
  type Capabilities,
  type Kernel,
  type Launch,
  type LaunchError,
  type MemoryInfo,
  TensorError,
  unreachable,
} from "@torchium/tensor/backend";
import { anchorOf } from "./anchors/anchors.js";
import type { CublasLt } from "./anchors/cublaslt.js";
import { FaultTable, roomForGuards } from "./anchors/faults.js";
import type { Kernels } from "./compile/kernels.js";
import { type Nvrtc, versionText } from "./compile/nvrtc.js";
import type { Gpu } from "./driver/gpu.js";
import type { Stream } from "./driver/stream.js";
import type { Block, BlockAllocator } from "./memory/block-allocator.js";
import { Transfers } from "./memory/transfers.js";
import { CapturedExecutable } from "./run/captured.js";
import { CudaBuffer, CudaExecutable, type Work } from "./run/executable.js";
import { KernelExecutable } from "./run/kernel-executable.js";
import { type GraphCounters, LaunchGraph } from "./run/launch-graph.js";
import { Session } from "./run/session.js";
import { Submission } from "./run/submission.js";

/** Versions of what a backend runs on. */
export type CudaVersions = {
  readonly gpu: string;
  /** Compute capability: 9 or 8.6. */
  readonly capability: number;
  readonly multiprocessors: number;
  readonly memoryBytes: number;
  /** The CUDA version that the driver supports. */
  readonly driver: string;
  readonly nvrtc: string;
  readonly cublasLt: string;
};

/** What a backend is made of. */
export type CudaParts = {
  readonly gpu: Gpu;
  readonly stream: Stream;
  readonly kernels: Kernels;
  readonly compiler: Nvrtc;
  readonly memory: BlockAllocator;
  /** Undefined where cuBLASLt was not found: then the own kernel multiplies. */
  readonly cublasLt: CublasLt | undefined;
  /** Bytes of arguments that one launch may have. */
  readonly mostArguments: number;
  /** Wait after every launch. */
  readonly synchronous: boolean;
  /** Launches that reach further count in 64 bits. */
  readonly narrowLimit: number;
  /** Blocks with more elements of rows share them. */
  readonly longBlock: number;
};

/** The backend over one GPU. Made by `createCudaBackend`. */
export class CudaBackend implements Backend {
  readonly interfaceVersion = 1;
  readonly name = "cuda";
  readonly capabilities: Capabilities;
  readonly lost: Promise<TensorError>;
  readonly gpu: Gpu;
  readonly #parts: CudaParts;
  readonly #session: Session;
  readonly #transfers: Transfers;
  readonly #faults: FaultTable;
  readonly #executables = new Map<string, CudaExecutable>();
  readonly #work = new WeakMap<Launch, Work>();
  /** Core submits the same list again and again. */
  readonly #submissions = new WeakMap<readonly Launch[], Submission>();
  readonly #graphs = new Set<LaunchGraph>();
  readonly #dropped = new FinalizationRegistry<LaunchGraph>((graph) => this.#drop(graph));
  readonly #graphCounters: GraphCounters = { built: 0, launched: 0, updated: 0, refused: undefined };
  readonly #settleLost: (error: TensorError) => void;
  #gone: TensorError | undefined;

  constructor(parts: CudaParts) {
    const { gpu, stream, memory } = parts;
    this.#parts = parts;
    this.gpu = gpu;
    this.capabilities = {
      dtypes: new Set(allDTypes),
      maxBuffersPerLaunch: 32,
      maxBufferByteLength: memory.limitBytes,
      bindingAlignment: 16,
      synchronousRead: false,
    };
    this.#session = new Session(parts);
    this.#transfers = new Transfers(gpu, stream);
    this.#faults = new FaultTable(this.#session, this.#transfers);
    let settle: (error: TensorError) => void = () => {};
    this.lost = new Promise((resolve) => {
      settle = resolve;
    });
    this.#settleLost = settle;
  }

  /** The compiled kernels. */
  get kernels(): Kernels {
    return this.#parts.kernels;
  }

  allocate(byteLength: number): BufferHandle {
    return this.#guarded(() => {
      const { memory } = this.#parts;
      const block = byteLength === 0 ? undefined : memory.allocate(byteLength);
      return new CudaBuffer(memory, byteLength, block);
    });
  }

  release(buffer: BufferHandle): void {
    if (this.#gone) return;
    const own = this.#own(buffer);
    own.released = true;
    if (own.block) this.#parts.memory.release(own.block);
  }

  write(buffer: BufferHandle, bytes: Uint8Array, byteOffset = 0): void {
    this.#guarded(() => this.#transfers.write(this.#addressOf(buffer, byteOffset, bytes.byteLength), bytes));
  }

  async read(buffer: BufferHandle, byteOffset = 0, byteLength = buffer.byteLength - byteOffset): Promise<Uint8Array> {
    return this.#guardedAsync(() => this.#transfers.read(this.#addressOf(buffer, byteOffset, byteLength), byteLength));
  }

  compile(kernel: Kernel): KernelExecutable {
    this.#check();
    return this.#cached(kernel.key, () => new KernelExecutable(kernel));
  }

  anchor(call: AnchorCall): CudaExecutable | undefined {
    this.#check();
    const key = [call.op, JSON.stringify(call.attributes), call.rank, call.epilogue?.key].join("/");
    const known = this.#executables.get(key);
    if (known) return known;
    const executable = anchorOf(key, call, {
      cublasLt: this.#parts.cublasLt,
      faults: this.#faults,
      compile: (kernel) => this.compile(kernel),
    });
    if (executable) this.#executables.set(key, executable);
    return executable;
  }

  async prepare(kernels: readonly Kernel[]): Promise<void> {
    const texts = kernels.flatMap((kernel) => this.compile(kernel).likelyTexts());
    await this.#guardedAsync(() => this.#parts.kernels.prepare(texts));
  }

  submit(launches: readonly Launch[]): void {
    this.#guarded(() => {
      this.#faults.makeRoom();
      for (const work of this.#submissionOf(launches).works) work.enqueue();
    });
  }

  capture(launches: readonly Launch[]): CudaExecutable {
    const { works } = this.#guarded(() => new Submission(this.#session, launches, (launch) => this.#workOf(launch)));
    const graph = new LaunchGraph(this.#session, this.#graphCounters);
    const watch = (body: () => void): string | undefined => {
      const { claims } = this.#faults;
      body();
      const guards = this.#faults.claims - claims;
      return guards <= roomForGuards ? undefined : `${guards} launches check ids, expected at most ${roomForGuards}`;
    };
    const executable = new CapturedExecutable({ works, graph, counters: this.#graphCounters, watch });
    this.#graphs.add(graph);
    this.#dropped.register(executable, graph);
    return executable;
  }

  /** What graphs of recorded launches did, and why launches are no graph where they are not. */
  get graphs(): Readonly<GraphCounters> {
    return this.#graphCounters;
  }

  async checkErrors(): Promise<readonly LaunchError[]> {
    return this.#guardedAsync(() => this.#faults.collect());
  }

  memory(): MemoryInfo {
    const { liveBytes, peakBytes, pooledBytes, limitBytes } = this.#parts.memory;
    return { liveBytes, peakBytes, pooledBytes, limitBytes };
  }

  async time(launches: readonly Launch[]): Promise<number> {
    return this.#guardedAsync(() => this.#parts.stream.time(() => this.submit(launches)));
  }

  /** Device milliseconds of the driver's own copy of `byteLength` bytes: what the speed of kernels is measured by. */
  async timeCopy(byteLength: number): Promise<number> {
    return this.#guardedAsync(() => {
      const { memory, stream } = this.#parts;
      const { driver } = this.gpu;
      const blocks = [0, 0].map(() => memory.allocate(byteLength)) as [Block, Block];
      const [from, to] = blocks.map((block) => block.address) as [number, number];
      const copy = (): void =>
        driver.check(driver.functions.cuMemcpyDtoDAsync_v2(to, from, byteLength, stream.handle), "copy");
      const milliseconds = stream.time(copy);
      for (const block of blocks) memory.release(block);
      return milliseconds;
    });
  }

  /** What runs here: for reports. */
  get versions(): CudaVersions {
    const { compiler, cublasLt } = this.#parts;
    return {
      gpu: this.gpu.name,
      capability: this.gpu.capability / 10,
      multiprocessors: this.gpu.multiprocessors,
      memoryBytes: this.gpu.totalBytes,
      driver: versionText(this.gpu.driver.version),
      nvrtc: compiler.version,
      cublasLt: cublasLt?.version ?? "not found",
    };
  }

  async finish(): Promise<void> {
    await this.#guardedAsync(() => this.#parts.stream.passed());
  }

  dispose(): void {
    if (this.#gone?.code === "disposed") return;
    const { gpu, stream, kernels, memory, cublasLt } = this.#parts;
    const wasLost = this.#gone !== undefined;
    this.#gone = new TensorError("disposed", "cuda: the backend has been disposed");
    try {
      gpu.enter();
      if (!wasLost) stream.wait();
    } catch {
      // A dead GPU has nothing to wait for.
    }
    stream.fail(this.#gone);
    for (const graph of this.#graphs) graph.close();
    this.#faults.close();
    this.#transfers.close();
    cublasLt?.close();
    kernels.close();
    memory.clear();
    stream.close();
    this.#session.close();
    gpu.close();
  }

  #drop(graph: LaunchGraph): void {
    this.#graphs.delete(graph);
    if (this.#gone) return;
    this.gpu.enter();
    graph.close();
  }

  #submissionOf(launches: readonly Launch[]): Submission {
    const known = this.#submissions.get(launches);
    if (known?.isOf(launches)) return known;
    const submission = new Submission(this.#session, launches, (launch) => this.#workOf(launch));
    this.#submissions.set(launches, submission);
    return submission;
  }

  #workOf(launch: Launch): Work {
    const known = this.#work.get(launch);
    if (known) return known;
    const { executable } = launch;
    if (!(executable instanceof CudaExecutable)) return unreachable(`${launch.label}: compiled by another backend`);
    const work = executable.work(this.#session, launch);
    this.#work.set(launch, work);
    return work;
  }

  // Keys say which class an executable is of.
  #cached<E extends CudaExecutable>(key: string, make: () => E): E {
    const known = this.#executables.get(key);
    if (known) return known as E;
    const executable = make();
    this.#executables.set(key, executable);
    return executable;
  }

  #addressOf(buffer: BufferHandle, byteOffset: number, byteLength: number): number {
    const own = this.#own(buffer);
    const end = byteOffset + byteLength;
    if (byteOffset >= 0 && byteLength >= 0 && end <= own.byteLength) return own.address + byteOffset;
    return unreachable(`bytes ${byteOffset} to ${end} of a buffer of ${own.byteLength}`);
  }

  #own(buffer: BufferHandle): CudaBuffer {
    const { memory } = this.#parts;
    if (!(buffer instanceof CudaBuffer) || buffer.owner !== memory) return unreachable("a buffer of another device");
    return buffer.released ? unreachable(`a released buffer of ${buffer.byteLength} bytes`) : buffer;
  }

  #check(): void {
    if (this.#gone) throw this.#gone;
  }

  /** Runs driver calls; a dead context is remembered and told. */
  #guarded<T>(body: () => T): T {
    this.#check();
    try {
      this.gpu.enter();
      return body();
    } catch (error) {
      throw this.#noticed(error);
    }
  }

  async #guardedAsync<T>(body: () => Promise<T>): Promise<T> {
    try {
      return await this.#guarded(body);
    } catch (error) {
      throw this.#noticed(error);
    }
  }

  #noticed(error: unknown): unknown {
    if (!TensorError.is(error, "device-lost") || this.#gone) return error;
    this.#gone = error;
    this.#parts.stream.fail(error);
    this.#settleLost(error);
    return error;
  }
}
