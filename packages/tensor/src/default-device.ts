// The process-wide default device. Without one being set, the embedded CPU backend starts at first use.

import { createCpuDeviceSync } from "./cpu/device.js";
import { argumentError, TensorError } from "./errors.js";
import { Device } from "./graph/device.js";

type Flags = { readonly TORCHIUM_CPU?: boolean };

let current: Device | undefined;

/**
 * The device tensors are made on when none is named. A page that only runs on a GPU can leave the CPU backend out of its
 * bundle: it lets its bundler define `globalThis.TORCHIUM_CPU` as false, and must then set a device first.
 * @throws TensorError `state` when no device is set and the bundle has no CPU backend
 */
export function defaultDevice(): Device {
  // Bundlers replace the flag and drop the branch that is not taken, with all that only it needs.
  current ??= (globalThis as Flags).TORCHIUM_CPU === false ? noDevice() : createCpuDeviceSync();
  return current;
}

function noDevice(): never {
  const message =
    "defaultDevice: no device is set, got a bundle without the CPU backend, expected setDefaultDevice first";
  throw new TensorError("state", message);
}

/** Makes `device` the default: the one line that swaps the backend. @throws TensorError `argument`, `disposed` */
export function setDefaultDevice(device: Device): void {
  if (!(device instanceof Device)) {
    throw argumentError("setDefaultDevice", "the device", "a Device, such as await createCpuDevice() gives", device);
  }
  device.check();
  current = device;
}
