// Each of the eight takes steps on WebGPU as on the CPU.

import { createCpuDevice, type Device, setDefaultDevice } from "@torchium/tensor";
import { createWebGpuDevice } from "@torchium/webgpu-backend";
import { afterAll, beforeAll, describe, it } from "vitest";
import { findTestAdapter, testAdapter } from "../../packages/webgpu-backend/src/testing/adapter.js";
import { systems } from "./systems.js";
import { expectTrainsAlike } from "./train.js";

const available = (await findTestAdapter()) !== undefined;

describe.skipIf(!available)(`training on WebGPU${available ? "" : " (no WebGPU adapter was found)"}`, () => {
  let cpu: Device;
  let gpu: Device;
  beforeAll(async () => {
    cpu = await createCpuDevice({ threads: 1 });
    // Asked for nothing, an adapter gives the least that every device has: eight storage buffers, for one.
    gpu = await createWebGpuDevice({ device: await (await testAdapter()).requestDevice() });
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
