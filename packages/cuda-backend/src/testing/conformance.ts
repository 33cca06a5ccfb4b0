// The conformance suite on the emulator, or one skipped test that says why it cannot run here.

import { type ConformanceOptions, describeConformance } from "@torchium/backend-conformance";
import * as vitest from "vitest";
import type { CudaDeviceOptions } from "../device.js";
import { emulatorMissing, openEmulator } from "./emulator.js";

/** Memory that each backend may hold: little, because fresh memory is filled. */
const memoryLimit = 2 ** 26;

/** Registers the suite on the emulator. */
export function conformOnEmulator(name: string, options: ConformanceOptions, device: CudaDeviceOptions = {}): void {
  const missing = emulatorMissing();
  if (missing !== undefined) {
    vitest.it.skip(`${name}: ${missing}`, () => {});
    console.warn(`skipped: ${missing}`);
    return;
  }
  const emulator = openEmulator();
  emulator.set("seed", options.seed ?? 2026);
  const createBackend = () => emulator.backend({ memoryLimit, ...device });
  describeConformance(vitest, { name, createBackend }, options);
}
