// The process-wide default device. Without one being set, the embedded CPU backend starts at first use.

import { createCpuDeviceSync } from "./cpu/device.js";
import type { Device } from "./graph/device.js";

let current: Device | undefined;

/** The device tensors are made on when none is named. */
export function defaultDevice(): Device {
  current ??= createCpuDeviceSync();
  return current;
}

/** Makes `device` the default: the one line that swaps the backend. */
export function setDefaultDevice(device: Device): void {
  device.check();
  current = device;
}
