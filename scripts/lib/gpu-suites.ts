// The suites that run GPU kernels in software, on an emulator or a software adapter: minutes of work for a processor, so they
// run when they are asked for.

/** Test files that are left out unless `TORCHIUM_GPU_SUITES=1`. */
export const gpuSuites: readonly string[] = [
  "packages/webgpu-backend/src/conformance.test.ts",
  "packages/webgpu-backend/src/training.test.ts",
];

/** Whether this run includes them. */
export const gpuSuitesWanted = process.env.TORCHIUM_GPU_SUITES === "1";
