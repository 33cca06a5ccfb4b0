// The public surface of @torchium/cuda-backend. Importing it loads nothing and never throws.

export type { CudaBackend, CudaVersions } from "./backend.js";
export {
  type CudaAvailability,
  type CudaDeviceOptions,
  createCudaBackend,
  createCudaDevice,
  isCudaAvailable,
} from "./device.js";
export type { GraphCounters } from "./run/launch-graph.js";
