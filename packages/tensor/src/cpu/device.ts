// Devices on the embedded CPU backend.

import { Device } from "../graph/device.js";
import { CpuBackend, type CpuBackendOptions, createCpuBackend } from "./backend.js";
import { libraryOf } from "./blas/blas.js";
import { createMemory } from "./pool/memory.js";
import { createSinglePool } from "./pool/single-pool.js";

/** Options of `createCpuDevice`. */
export type CpuDeviceOptions = CpuBackendOptions;

/**
 * A device on the embedded CPU backend, on as many threads as the machine runs at once unless `threads` says otherwise.
 * @throws TensorError `unsupported`, `argument`
 */
export async function createCpuDevice(options: CpuDeviceOptions = {}): Promise<Device> {
  return new Device(await createCpuBackend(options));
}

/** A device on the calling thread alone, ready at once. */
export const createCpuDeviceSync = (options: CpuDeviceOptions = {}): Device =>
  new Device(new CpuBackend(createSinglePool(createMemory(false, 1), libraryOf(options.blas)), options));
