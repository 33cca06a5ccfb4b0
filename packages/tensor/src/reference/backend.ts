// A backend that computes everything in float64 with the interpreter, and forgives nothing: the oracle of core's tests
// and of the conformance suite. Launches of one stage run in a shuffled order, because nothing may depend on it.

import type {
  AnchorCall,
  AnchorName,
  Backend,
  BufferHandle,
  Capabilities,
  Executable,
  Kernel,
  Launch,
  LaunchError,
  MemoryInfo,
} from "../backend/backend.js";
import { allDTypes, type DType } from "../dtype.js";
import { TensorError, unreachable } from "../errors.js";
import { ruleOf, runAnchor } from "./anchors.js";
import { type Arithmetic, float64Arithmetic } from "./arithmetic.js";
import {
  anchorOperands,
  checkAnchorLaunch,
  checkKernelLaunch,
  checkOperands,
  kernelOperands,
  type OperandRule,
} from "./check-launch.js";
import { checkProgram } from "./check-program.js";
import { interpret } from "./interpreter.js";
import { ReferenceMemory } from "./memory.js";
import { seededNumbers, shuffled } from "./random-order.js";

/** How a reference backend behaves. */
export type ReferenceOptions = {
  /** `reference` unless given. */
  readonly name?: string;
  /** Anchors it declines, so that core's fallbacks run. None unless given. */
  readonly declines?: readonly AnchorName[];
  /** Shuffles launches within their stage. 1 unless given. */
  readonly seed?: number;
  /** Bytes it may hold at once. 4 GiB unless given. */
  readonly limitBytes?: number;
  /** Element types; all unless given. */
  readonly dtypes?: readonly DType[];
  readonly maxBuffersPerLaunch?: number;
  readonly maxBufferByteLength?: number;
  /** 16 unless given. */
  readonly bindingAlignment?: number;
  /** Whether `readSync` exists. True unless given. */
  readonly synchronousRead?: boolean;
  /** The numbers kernels compute in; float64 unless given. */
  readonly arithmetic?: Arithmetic<number>;
};

class ReferenceExecutable implements Executable {
  readonly key: string;
  readonly operands: readonly OperandRule[];
  readonly work: Work;

  constructor(key: string, operands: readonly OperandRule[], work: Work) {
    this.key = key;
    this.operands = operands;
    this.work = work;
  }
}

type Work =
  | { readonly kind: "kernel"; readonly kernel: Kernel }
  | { readonly kind: "anchor"; readonly call: AnchorCall }
  | { readonly kind: "captured"; readonly launches: readonly Launch[] };

/** The backend that computes by definition. */
export class ReferenceBackend implements Backend {
  readonly interfaceVersion = 1;
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly readSync?: NonNullable<Backend["readSync"]>;
  readonly lost: Promise<TensorError>;
  readonly #memory: ReferenceMemory;
  readonly #declines: ReadonlySet<AnchorName>;
  readonly #arithmetic: Arithmetic<number>;
  readonly #random: () => number;
  readonly #settleLost: (error: TensorError) => void;
  #errors: LaunchError[] = [];
  /** Why nothing runs any more. */
  #gone: TensorError | undefined;

  constructor(options: ReferenceOptions = {}) {
    const limitBytes = options.limitBytes ?? 2 ** 32;
    const synchronousRead = options.synchronousRead ?? true;
    this.name = options.name ?? "reference";
    this.capabilities = {
      dtypes: new Set(options.dtypes ?? allDTypes),
      maxBuffersPerLaunch: options.maxBuffersPerLaunch ?? 32,
      maxBufferByteLength: options.maxBufferByteLength ?? limitBytes,
      bindingAlignment: options.bindingAlignment ?? 16,
      synchronousRead,
    };
    this.#memory = new ReferenceMemory(limitBytes);
    this.#declines = new Set(options.declines);
    this.#arithmetic = options.arithmetic ?? float64Arithmetic;
    this.#random = seededNumbers(options.seed ?? 1);
    let settle: (error: TensorError) => void = () => {};
    this.lost = new Promise((resolve) => {
      settle = resolve;
    });
    this.#settleLost = settle;
    if (synchronousRead) this.readSync = (...range) => this.#read(...range);
  }

  allocate(byteLength: number): BufferHandle {
    this.#checkAlive();
    const { maxBufferByteLength } = this.capabilities;
    if (byteLength > maxBufferByteLength) {
      const message = `allocate: buffer is too large, got ${byteLength} bytes, expected at most ${maxBufferByteLength}`;
      throw new TensorError("out-of-memory", message, { requested: byteLength, limit: maxBufferByteLength });
    }
    return this.#memory.allocate(byteLength);
  }

  release(buffer: BufferHandle): void {
    this.#checkAlive();
    this.#memory.release(buffer);
  }

  write(buffer: BufferHandle, bytes: Uint8Array, byteOffset = 0): void {
    this.#checkAlive();
    this.#memory.bytes(buffer, byteOffset, bytes.byteLength).set(bytes);
  }

  async read(buffer: BufferHandle, byteOffset?: number, byteLength?: number): Promise<Uint8Array> {
    return this.#read(buffer, byteOffset, byteLength);
  }

  compile(kernel: Kernel): Executable {
    this.#checkAlive();
    checkProgram(kernel.program);
    return new ReferenceExecutable(kernel.key, kernelOperands(kernel), { kind: "kernel", kernel });
  }

  anchor(call: AnchorCall): Executable | undefined {
    this.#checkAlive();
    if (this.#declines.has(call.op) || (call.epilogue && !ruleOf(call.op).epilogueAxes)) return undefined;
    if (call.epilogue) checkProgram(call.epilogue.program);
    const key = [call.op, JSON.stringify(call.attributes), call.rank, call.epilogue?.key].join("/");
    return new ReferenceExecutable(key, anchorOperands(call), { kind: "anchor", call });
  }

  capture(launches: readonly Launch[]): Executable {
    this.#checkAlive();
    return new ReferenceExecutable("captured", [], { kind: "captured", launches: [...launches] });
  }

  submit(launches: readonly Launch[]): void {
    this.#checkAlive();
    const faults = new Map<Launch, string>();
    for (let from = 0, to = 0; from < launches.length; from = to) {
      const { stage } = launches[from]!;
      while (to < launches.length && launches[to]!.stage === stage) to++;
      if (to < launches.length && launches[to]!.stage < stage)
        unreachable(`stage ${launches[to]!.stage} after stage ${stage}`);
      for (const launch of shuffled(launches.slice(from, to), this.#random)) {
        const fault = this.#launch(launch);
        if (fault !== undefined) faults.set(launch, fault);
      }
    }
    for (const launch of launches) {
      const fault = faults.get(launch);
      if (fault !== undefined)
        this.#errors.push({ label: launch.label, code: "index", message: `${launch.label}: ${fault}` });
    }
  }

  async checkErrors(): Promise<readonly LaunchError[]> {
    this.#checkAlive();
    const errors = this.#errors;
    this.#errors = [];
    return errors;
  }

  memory(): MemoryInfo {
    return this.#memory.info();
  }

  async finish(): Promise<void> {
    this.#checkAlive();
  }

  dispose(): void {
    this.#memory.clear();
    this.#gone ??= new TensorError("disposed", `${this.name}: the device has been disposed`);
  }

  /** Loses the device, as a crashed driver would: every later call throws `device-lost`, and `lost` settles. */
  lose(reason: string): void {
    this.#memory.clear();
    this.#gone ??= new TensorError("device-lost", `${this.name}: the device is lost (${reason}); make a new one`);
    this.#settleLost(this.#gone);
  }

  #checkAlive(): void {
    if (this.#gone) throw this.#gone;
  }

  #read(buffer: BufferHandle, byteOffset?: number, byteLength?: number): Uint8Array {
    this.#checkAlive();
    return this.#memory.bytes(buffer, byteOffset, byteLength).slice();
  }

  #launch(launch: Launch): string | undefined {
    const { executable, sizes, scalars } = launch;
    if (!(executable instanceof ReferenceExecutable))
      return unreachable(`${launch.label}: compiled by another backend`);
    const { work, operands } = executable;
    if (work.kind === "captured") {
      this.submit(work.launches);
      return undefined;
    }
    checkOperands(launch, operands, this.capabilities.bindingAlignment);
    const buffers = new Set(launch.operands.map((x) => x.binding?.buffer).filter((b) => b !== undefined)).size;
    if (buffers > this.capabilities.maxBuffersPerLaunch) unreachable(`${launch.label}: binds ${buffers} buffers`);
    const views = launch.operands.map((x, i) =>
      x.binding?.buffer
        ? this.#memory.view(x.binding.buffer, operands[i]!.type, x, `${launch.label}: operand ${i}`)
        : { ...x, read: noMemory, write: noMemory },
    );
    if (work.kind === "kernel") {
      checkKernelLaunch(launch, work.kernel, launch.operands, sizes);
      interpret(work.kernel.program, sizes, views, scalars, this.#arithmetic);
      return undefined;
    }
    checkAnchorLaunch(launch, work.call);
    return runAnchor(work.call, sizes, views, scalars);
  }
}

const noMemory = (): never => unreachable("an index operand has no memory");

/** A backend that computes everything in float64 by the interpreter. */
export const createReferenceBackend = (options?: ReferenceOptions): ReferenceBackend => new ReferenceBackend(options);
