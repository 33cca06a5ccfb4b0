// The Backend interface on a GPU device: memory from a pool, kernels as WGSL, one command encoder and one queue
// submission for each realization. Everything given to the queue runs in order.

import {
  type AnchorCall,
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
import { adapterName } from "./adapter.js";
import { makeAnchor } from "./anchors/anchors.js";
import type { GpuCommandEncoder, GpuDevice, GpuTimestampWrites } from "./gpu.js";
import { KernelExecutable } from "./kernels/kernel-executable.js";
import { hasDearBarriers, type RowLimits } from "./kernels/row-plan.js";
import { WebGpuBuffer } from "./memory/buffer.js";
import { BufferPool, type MakeBuffer } from "./memory/pool.js";
import { Readback } from "./memory/readback.js";
import { CapturedExecutable, unrecorded } from "./run/captured.js";
import { DeviceErrors } from "./run/device-errors.js";
import type { GpuExecutable } from "./run/dispatch.js";
import { Encoder } from "./run/encoder.js";
import { faultCapacity } from "./run/faults.js";
import { Stopwatch } from "./run/stopwatch.js";
import { Submission } from "./run/submission.js";

/** Options of a backend on a device. */
export type WebGpuBackendOptions = {
  /** Bytes of device memory it may hold; as many as the device grants unless given. */
  readonly limitBytes?: number;
  /** Whether `dispose` destroys the device. True unless given. */
  readonly ownsDevice?: boolean;
};

/** Runs kernels on one GPU device. */
export class WebGpuBackend implements Backend {
  readonly interfaceVersion = 1;
  readonly name = "webgpu";
  /** The adapter, as far as it says who it is. */
  readonly info?: string;
  readonly capabilities: Capabilities;
  readonly lost: Promise<TensorError>;
  readonly time?: (launches: readonly Launch[]) => Promise<number>;
  readonly #device: GpuDevice;
  readonly #ownsDevice: boolean;
  readonly #errors: DeviceErrors;
  readonly #pool: BufferPool;
  readonly #readback: Readback;
  readonly #encoder: Encoder;
  readonly #rowLimits: RowLimits;
  readonly #executables = new Map<string, GpuExecutable>();
  readonly #submissions = new WeakMap<readonly Launch[], Submission>();
  #faults: Promise<LaunchError[]> = Promise.resolve([]);
  /** Why nothing runs any more. */
  #gone: TensorError | undefined;

  constructor(device: GpuDevice, options: WebGpuBackendOptions = {}) {
    const { limits } = device;
    const maxBytes = Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize);
    this.#device = device;
    this.#ownsDevice = options.ownsDevice ?? true;
    if (device.adapterInfo) this.info = adapterName({ info: device.adapterInfo });
    this.capabilities = {
      dtypes: new Set(["float32", "float16", "bfloat16", "int32", "uint32", "bool"]),
      maxBuffersPerLaunch: limits.maxStorageBuffersPerShaderStage,
      maxBufferByteLength: maxBytes,
      // Kernels see whole buffers; vectors of four words start at multiples of their size.
      bindingAlignment: 16,
      synchronousRead: false,
    };
    this.#rowLimits = { maxBuffers: limits.maxStorageBuffersPerShaderStage, subgroupSize: subgroupSizeOf(device) };
    this.#errors = new DeviceErrors(device);
    const make: MakeBuffer = (size, usage, onError) =>
      this.#errors.guard(`allocate ${size} bytes`, () => device.createBuffer({ size, usage }), {
        facts: () => ({ requested: size, ...this.memory() }),
        onError,
      });
    const limitBytes = options.limitBytes ?? Number.MAX_SAFE_INTEGER;
    this.#pool = new BufferPool(make, limitBytes, maxBytes, () => this.#encoder.forgetBuffers());
    this.#readback = new Readback(make);
    this.#encoder = new Encoder(device, this.#pool);
    this.lost = device.lost.then((info) => {
      const reason = [info.reason, info.message].filter(Boolean).join(": ") || "unknown";
      const message = `webgpu: the device is lost (${reason}); make a new one and resume from a checkpoint`;
      this.#gone ??= new TensorError("device-lost", message, { reason: info.reason, message: info.message });
      // A device that was disposed is not lost: then nobody is told.
      return this.#gone.code === "device-lost" ? this.#gone : new Promise<never>(() => {});
    });
    if (device.features.has("timestamp-query")) {
      const stopwatch = new Stopwatch(device, this.#readback);
      this.time = (launches) => this.#wait(stopwatch.measure((stamps) => this.#run(launches, stamps)));
    }
  }

  allocate(byteLength: number): BufferHandle {
    this.#check();
    return this.#pool.allocate(byteLength);
  }

  release(buffer: BufferHandle): void {
    if (!this.#gone) this.#pool.release(this.#own(buffer));
  }

  write(buffer: BufferHandle, bytes: Uint8Array, byteOffset = 0): void {
    const { block } = this.#range(buffer, byteOffset, bytes.byteLength);
    // A view of shared memory is taken as it is, whatever its type says.
    const data = inWords(bytes) as Uint8Array<ArrayBuffer>;
    if (bytes.byteLength > 0)
      this.#errors.guard("write", () => this.#device.queue.writeBuffer(block.gpu, byteOffset, data));
  }

  read(buffer: BufferHandle, byteOffset = 0, byteLength = buffer.byteLength - byteOffset): Promise<Uint8Array> {
    return this.#wait(this.#read(buffer, byteOffset, byteLength));
  }

  compile(kernel: Kernel): GpuExecutable {
    this.#check();
    return this.#cached(kernel.key, () => new KernelExecutable(kernel, this.#rowLimits));
  }

  anchor(call: AnchorCall): GpuExecutable | undefined {
    this.#check();
    const make = makeAnchor(call, hasDearBarriers(this.#rowLimits));
    if (!make) return undefined;
    const key = [call.op, JSON.stringify(call.attributes), call.rank, call.epilogue?.key].join("/");
    return this.#cached(key, () => make(key));
  }

  submit(launches: readonly Launch[]): void {
    this.#check();
    this.#run(launches);
  }

  capture(launches: readonly Launch[]): CapturedExecutable {
    this.#check();
    return new CapturedExecutable(launches);
  }

  async checkErrors(): Promise<readonly LaunchError[]> {
    this.#check();
    this.#readFaults();
    const faults = this.#faults;
    this.#faults = Promise.resolve([]);
    await this.#wait(this.#errors.settle());
    return this.#wait(faults);
  }

  memory(): MemoryInfo {
    return this.#pool.info();
  }

  async finish(): Promise<void> {
    this.#check();
    await this.#wait(this.#device.queue.onSubmittedWorkDone());
    await this.#wait(this.#errors.settle());
  }

  dispose(): void {
    if (this.#gone) return;
    this.#gone = new TensorError("disposed", "webgpu: the backend has been disposed");
    this.#pool.clear();
    this.#readback.clear();
    this.#encoder.dispose();
    if (this.#ownsDevice) this.#device.destroy();
  }

  #run(launches: readonly Launch[], timestampWrites?: GpuTimestampWrites): void {
    const submission = this.#submissionOf(unrecorded(launches));
    if (submission.dispatches.length === 0) return;
    if (this.#encoder.faults.count + submission.guards.length > faultCapacity) this.#readFaults();
    this.#errors.guard(launches.length === 1 ? launches[0]!.label : `${launches.length} launches`, () => {
      this.#encoder.submit(submission, timestampWrites);
    });
  }

  #submissionOf(launches: readonly Launch[]): Submission {
    const known = this.#submissions.get(launches);
    if (known?.isOf(launches)) return known;
    const submission = new Submission(launches);
    this.#submissions.set(launches, submission);
    return submission;
  }

  async #read(buffer: BufferHandle, byteOffset: number, byteLength: number): Promise<Uint8Array> {
    const { block } = this.#range(buffer, byteOffset, byteLength);
    const whole = wordBytes(byteLength);
    const staging = this.#copyOut(whole, (encoder, to) => {
      if (whole > 0) encoder.copyBufferToBuffer(block.gpu, byteOffset, to, 0, whole);
    });
    const bytes = await staging;
    await this.#errors.settle();
    return bytes.subarray(0, byteLength);
  }

  /** Submits copies into a buffer that the host can read, at once; resolves to its first bytes. */
  async #copyOut(byteLength: number, copy: (encoder: GpuCommandEncoder, to: GpuBufferOf) => void): Promise<Uint8Array> {
    const staging = this.#readback.take(byteLength);
    this.#errors.guard("read", () => {
      const encoder = this.#device.createCommandEncoder();
      copy(encoder, staging);
      this.#device.queue.submit([encoder.finish()]);
    });
    const mapped = this.#errors.guard("read", () => this.#readback.bytes(staging, byteLength));
    const bytes = await mapped.catch(async (error: unknown) => {
      // Where there was no memory to read through, the scope around its allocation says so.
      await this.#errors.settle();
      throw error;
    });
    this.#readback.put(staging);
    return bytes;
  }

  /** Reads the words of guarded launches, which are used anew from here on. */
  #readFaults(): void {
    const { faults, faultBlock } = this.#encoder;
    if (faults.count === 0 || !faultBlock) return;
    const toErrors = faults.take();
    const before = this.#faults;
    const words = this.#copyOut(faultBlock.byteLength, (encoder, to) => {
      encoder.copyBufferToBuffer(faultBlock.gpu, 0, to, 0, faultBlock.byteLength);
      encoder.clearBuffer(faultBlock.gpu);
    });
    this.#faults = Promise.all([before, words]).then(([earlier, bytes]) => [
      ...earlier,
      ...toErrors(new Int32Array(bytes.buffer as ArrayBuffer)),
    ]);
    // Whoever asks for the errors is told; nobody else need be.
    this.#faults.catch(() => {});
  }

  /** What `promise` gives; when the device goes meanwhile, the reason why. */
  async #wait<T>(promise: Promise<T>): Promise<T> {
    try {
      const value = await promise;
      if (!this.#gone) return value;
    } catch (error) {
      if (!this.#gone) await Promise.race([this.lost, graceTime()]);
      if (!this.#gone) throw error;
    }
    throw this.#gone;
  }

  #cached(key: string, make: () => GpuExecutable): GpuExecutable {
    const known = this.#executables.get(key);
    if (known) return known;
    const executable = make();
    this.#executables.set(key, executable);
    return executable;
  }

  #range(buffer: BufferHandle, byteOffset: number, byteLength: number): WebGpuBuffer {
    const own = this.#own(buffer);
    const end = byteOffset + byteLength;
    const fits = Number.isInteger(byteLength) && byteLength >= 0 && byteOffset >= 0 && end <= own.block.byteLength;
    if (fits && byteOffset % 4 === 0) return own;
    return unreachable(
      `bytes ${byteOffset} to ${end} of a buffer of ${own.byteLength}, expected some from a whole word on inside it`,
    );
  }

  #own(buffer: BufferHandle): WebGpuBuffer {
    this.#check();
    if (buffer instanceof WebGpuBuffer && !buffer.released && this.#pool.has(buffer)) return buffer;
    return unreachable("a buffer of another device, or one that was released");
  }

  #check(): void {
    if (this.#gone) throw this.#gone;
  }
}

/** `byteLength` rounded up to whole words. */
const wordBytes = (byteLength: number): number => Math.ceil(byteLength / 4) * 4;

/** Bytes that end with a word. What follows in the last one is nobody's: bindings start with words. */
function inWords(bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength % 4 === 0) return bytes;
  const whole = new Uint8Array(wordBytes(bytes.byteLength));
  whole.set(bytes);
  return whole;
}

/** Threads of the device's subgroups, where it has them, all of one size. */
function subgroupSizeOf({ features, adapterInfo }: GpuDevice): number | undefined {
  const { subgroupMinSize: least, subgroupMaxSize: most } = adapterInfo ?? {};
  return features.has("subgroups") && least === most ? least : undefined;
}

type GpuBufferOf = Parameters<GpuCommandEncoder["copyBufferToBuffer"]>[2];

// A map fails before the device's own promise settles; by then it has.
const graceTime = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));
