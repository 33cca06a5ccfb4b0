// Devices on the embedded CPU backend.

import { Device } from "../graph/device.js";
import { CpuBackend, type CpuBackendOptions, createCpuBackend } from "./backend.js";
import { createPoolSync } from "./pool/pool.js";

export type { Blas, BlasProduct, BlasProducts, NoBlas } from "./blas/blas.js";

/** Options of `createCpuDevice`. */
export type CpuDeviceOptions = CpuBackendOptions;

/**
 * A device on the embedded CPU backend, on as many threads as the machine runs at once unless `threads` says otherwise.
 * @throws TensorError `unsupported`, `argument`
 */
export async function createCpuDevice(options: CpuDeviceOptions = {}): Promise<Device> {
  return new Device(await createCpuBackend(options));
}

/**
 * A device on the machine's threads that is ready at once: they join when they are up, after the first launch that is worth
 * sharing. Results are the same bits before and after.
 * @throws TensorError `unsupported` where the engine has no WebAssembly SIMD
 */
export const createCpuDeviceSync = (): Device => new Device(new CpuBackend(createPoolSync(), {}));
