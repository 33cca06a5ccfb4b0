// Asks an adapter for a device with the highest limits and the features that make kernels faster.

import type { GpuAdapter, GpuDevice } from "./gpu.js";

const wantedLimits = ["maxBufferSize", "maxStorageBufferBindingSize", "maxStorageBuffersPerShaderStage"] as const;
const wantedFeatures = ["timestamp-query", "subgroups"] as const;

/** A device of an adapter. */
export function requestDevice(adapter: GpuAdapter): Promise<GpuDevice> {
  return adapter.requestDevice({
    requiredLimits: Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]])),
    requiredFeatures: wantedFeatures.filter((name) => adapter.features.has(name)),
  });
}
