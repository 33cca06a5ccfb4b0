// Each of the eight takes steps through the CUDA backend, on its emulator, as on the CPU.

import { createCudaDevice } from "@torchium/cuda-backend";
import { createCpuDevice, type Device, setDefaultDevice } from "@torchium/tensor";
import { afterAll, beforeAll, it } from "vitest";
import { describeOnEmulator } from "../../packages/cuda-backend/src/testing/describe-on-emulator.js";
import { systems } from "./systems.js";
import { expectTrainsAlike } from "./train.js";

describeOnEmulator("training through the CUDA backend", ({ path, cacheDirectory }) => {
  let cpu: Device;
  let gpu: Device;
  beforeAll(async () => {
    cpu = await createCpuDevice({ threads: 1 });
    const libraries = { driver: path, nvrtc: path, cublasLt: path };
    gpu = await createCudaDevice({ memoryLimit: 2 ** 27, cacheDirectory, libraries });
  });
  afterAll(() => {
    setDefaultDevice(cpu);
    gpu.dispose();
  });

  it.each(Object.entries(systems))(
    "%s: losses and gradients equal those of the CPU",
    (_, make) => expectTrainsAlike(make, gpu, cpu, 3),
    300_000,
  );
});
