// Devices that run on WebGPU.

import { Device, TensorError } from "@torchium/tensor";
import { findAdapter, requireAdapter } from "./adapter.js";
import { WebGpuBackend } from "./backend.js";
import type { GpuAdapter, GpuDevice, PowerPreference } from "./gpu.js";
import { requestDevice } from "./request-device.js";

export { adapterName, findAdapter } from "./adapter.js";
export { WebGpuBackend, type WebGpuBackendOptions } from "./backend.js";
export type * from "./gpu.js";

/** Options of `createWebGpuDevice`. */
export type WebGpuDeviceOptions = {
  /** A `GPUDevice` to run on; `dispose` leaves it as it is. */
  readonly device?: GpuDevice;
  /** A `GPUAdapter` to ask for a device. */
  readonly adapter?: GpuAdapter;
  /** Which GPU to take where there are several. */
  readonly powerPreference?: PowerPreference;
  /** Bytes of device memory to hold at most; as many as the device grants unless given. */
  readonly limitBytes?: number;
};

/**
 * A device on WebGPU: the host's own (browsers, Deno), or in Node that of the package `webgpu`. After a loss
 * (`device-lost`) make a new one and resume from a checkpoint.
 * @throws TensorError `unsupported` where there is no adapter, `argument` for options without sense
 */
export async function createWebGpuDevice(options: WebGpuDeviceOptions = {}): Promise<Device> {
  return new Device(await createWebGpuBackend(options));
}

/** The backend of such a device, for tests and for those who build devices themselves. */
export async function createWebGpuBackend(options: WebGpuDeviceOptions = {}): Promise<WebGpuBackend> {
  const { device, adapter, powerPreference, limitBytes } = options;
  if (limitBytes !== undefined && !(limitBytes > 0)) {
    const message = `createWebGpuDevice: limitBytes must be a positive number, got ${limitBytes}`;
    throw new TensorError("argument", message, { field: "limitBytes", got: limitBytes });
  }
  const shared = limitBytes === undefined ? {} : { limitBytes };
  if (device) return new WebGpuBackend(device, { ...shared, ownsDevice: false });
  return new WebGpuBackend(await requestDevice(adapter ?? (await requireAdapter(powerPreference))), shared);
}

/** Whether `createWebGpuDevice` would find an adapter. Never throws. */
export async function isWebGpuAvailable(): Promise<boolean> {
  try {
    return (await findAdapter()) !== undefined;
  } catch {
    return false;
  }
}
