// Devices on the CUDA backend: what is found and opened, in which order, and what is said where something is missing.

import { Device } from "@torchium/tensor";
import { argumentError, TensorError } from "@torchium/tensor/backend";
import { CublasLt } from "./anchors/cublaslt.js";
import { CudaBackend, type CudaParts } from "./backend.js";
import { CodeCache, defaultCacheDirectory } from "./compile/code-cache.js";
import { Kernels } from "./compile/kernels.js";
import { Nvrtc, versionText } from "./compile/nvrtc.js";
import { Driver } from "./driver/driver.js";
import { Gpu } from "./driver/gpu.js";
import { results } from "./driver/result-codes.js";
import { Stream } from "./driver/stream.js";
import { loadHost } from "./ffi/host.js";
import { BlockAllocator } from "./memory/block-allocator.js";
import { defaultLongBlock, defaultNarrowLimit } from "./run/choose-schedule.js";

/** Options of `createCudaDevice`. */
export type CudaDeviceOptions = {
  /** Which GPU, counted from 0 as the driver does (`CUDA_VISIBLE_DEVICES` applies). 0 unless given. */
  readonly ordinal?: number;
  /** Bytes of GPU memory it may hold; all of the GPU's unless given. */
  readonly memoryLimit?: number;
  /** Folder where compiled kernels are kept; null keeps none. The user's cache folder unless given. */
  readonly cacheDirectory?: string | null;
  /** Files of NVIDIA's libraries, where they are not found by themselves. */
  readonly libraries?: { readonly driver?: string; readonly nvrtc?: string; readonly cublasLt?: string };
  /** Whether matrix products go to cuBLASLt where it is found. True unless given; else the own kernel multiplies. */
  readonly cublasLt?: boolean;
  /** Wait after every launch, so that an error names its kernel: for finding faults. False unless given. */
  readonly synchronous?: boolean;
};

/** Whether a CUDA device can be made here, and if not, why. */
export type CudaAvailability = { readonly available: boolean; readonly reason: string };

function checkOptions({ memoryLimit }: CudaDeviceOptions): void {
  if (memoryLimit !== undefined && !(Number.isFinite(memoryLimit) && memoryLimit > 0)) {
    throw argumentError("createCudaDevice", "memoryLimit", "a positive number of bytes", memoryLimit);
  }
}

/** Opens a GPU as a backend. @throws TensorError as `createCudaDevice` */
export const createCudaBackend = (options: CudaDeviceOptions = {}): Promise<CudaBackend> => openCudaBackend(options);

/** The same with parts that only tests change. */
export async function openCudaBackend(
  options: CudaDeviceOptions,
  {
    narrowLimit = defaultNarrowLimit,
    longBlock = defaultLongBlock,
  }: Partial<Pick<CudaParts, "narrowLimit" | "longBlock">> = {},
): Promise<CudaBackend> {
  checkOptions(options);
  const host = await loadHost();
  const { libraries = {} } = options;
  const driver = Driver.open(host, libraries.driver);
  const gpu = new Gpu(driver, options.ordinal ?? 0);
  try {
    const compiler = Nvrtc.open(host, driver.version, gpu.capability, libraries.nvrtc);
    const directory =
      options.cacheDirectory === null ? undefined : (options.cacheDirectory ?? defaultCacheDirectory(host));
    const kernels = new Kernels(gpu, compiler, new CodeCache(host, directory));
    const limit = Math.min(options.memoryLimit ?? gpu.totalBytes, gpu.totalBytes);
    const cublasLt = options.cublasLt === false ? undefined : openCublasLt(gpu, libraries.cublasLt);
    const synchronous = options.synchronous ?? process.env["TORCHIUM_CUDA_SYNC"] === "1";
    const memory = new BlockAllocator(segmentsOf(gpu), limit);
    return new CudaBackend({
      gpu,
      stream: new Stream(gpu),
      kernels,
      compiler,
      memory,
      cublasLt,
      synchronous,
      narrowLimit,
      longBlock,
      mostArguments: mostArgumentsOf(driver, compiler),
    });
  } catch (error) {
    gpu.close();
    throw error;
  }
}

/**
 * A device on an NVIDIA GPU.
 * @throws TensorError `unsupported` where the driver or the compiler is missing or too old (the message lists every
 *   place tried), `device` where there is no such GPU, `argument` for options without sense
 */
export async function createCudaDevice(options: CudaDeviceOptions = {}): Promise<Device> {
  return new Device(await createCudaBackend(options));
}

/** Whether `createCudaDevice` would work here. Never throws. */
export async function isCudaAvailable(
  options: Pick<CudaDeviceOptions, "ordinal" | "libraries"> = {},
): Promise<CudaAvailability> {
  try {
    const host = await loadHost();
    const driver = Driver.open(host, options.libraries?.driver);
    const gpu = new Gpu(driver, options.ordinal ?? 0);
    try {
      const { version } = Nvrtc.open(host, driver.version, gpu.capability, options.libraries?.nvrtc);
      return { available: true, reason: `${gpu.name}, CUDA ${versionText(driver.version)}, NVRTC ${version}` };
    } finally {
      gpu.close();
    }
  } catch (error) {
    return { available: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Bytes of arguments that a launch may have: CUDA 12.1 raised the limit. */
const mostArgumentsOf = (driver: Driver, compiler: Nvrtc): number =>
  driver.version >= 12_010 && Number(compiler.version) >= 12.1 ? 32_764 : 4096;

/** A library that only speeds things up may be missing, but not one that the user named. */
function openCublasLt(gpu: Gpu, explicit: string | undefined): CublasLt | undefined {
  try {
    return CublasLt.open(gpu, explicit);
  } catch (error) {
    if (explicit === undefined && TensorError.is(error, "unsupported")) return undefined;
    throw error;
  }
}

function segmentsOf(gpu: Gpu) {
  const { driver } = gpu;
  return {
    take: (byteLength: number): number | undefined => {
      const code = driver.functions.cuMemAlloc_v2(driver.out.bytes, byteLength);
      if (code === results.outOfMemory) return undefined;
      driver.check(code, "allocate GPU memory");
      return driver.out.word;
    },
    free: (address: number): void => {
      driver.functions.cuMemFree_v2(address);
    },
    freeBytes: () => gpu.freeBytes(),
  };
}
