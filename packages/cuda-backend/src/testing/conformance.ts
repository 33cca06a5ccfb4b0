// The conformance suite on the emulator.

import { type ConformanceOptions, describeConformance } from "@torchium/backend-conformance";
import * as vitest from "vitest";
import type { CudaDeviceOptions } from "../device.js";
import { describeOnEmulator } from "./describe-on-emulator.js";
import type { Emulator, EmulatorSetting } from "./emulator.js";

/** Memory that each backend may hold: little, because fresh memory is filled. */
export const memoryLimit = 2 ** 26;

/** Registers the suite on the emulator. */
export function conformOnEmulator(
  name: string,
  options: ConformanceOptions,
  device: CudaDeviceOptions = {},
  parts: Parameters<Emulator["backend"]>[1] = {},
  settings: Partial<Record<EmulatorSetting, number>> = {},
): void {
  describeOnEmulator(name, (emulator) => {
    emulator.set("seed", options.seed ?? 2026);
    const createBackend = () => emulator.with(settings, () => emulator.backend({ memoryLimit, ...device }, parts));
    describeConformance(vitest, { name, createBackend }, options);
  });
}
