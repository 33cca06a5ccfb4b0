// Devices for the training worker, with names that a reader understands.

import { createCpuDevice, type Device } from "@torchium/tensor";
import { adapterName, createWebGpuDevice, findAdapter } from "@torchium/webgpu-backend";
import type { BackendName } from "../messages.js";

/** A device and what to call it. */
export type NamedDevice = { readonly device: Device; readonly name: string };

/** Makes devices. */
export type MakeDevice = (backend: BackendName) => Promise<NamedDevice>;

/**
 * A new device of this browser. The processor takes as many threads as it has where the page is cross-origin isolated, else one.
 * @throws TensorError `unsupported` where there is no WebGPU
 */
export const makeDevice: MakeDevice = async (backend) => {
  if (backend === "cpu") {
    const device = await createCpuDevice();
    const { info } = device.backend as { readonly info?: string };
    return { device, name: info ? `processor, ${info}` : "processor" };
  }
  const adapter = await findAdapter("high-performance");
  const device = await createWebGpuDevice(adapter ? { adapter } : {});
  return { device, name: adapter ? `WebGPU, ${adapterName(adapter)}` : "WebGPU" };
};
