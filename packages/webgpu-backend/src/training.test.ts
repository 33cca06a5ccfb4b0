import { createCpuDevice, type Device, setDefaultDevice, type Tensor, tensor } from "@torchium/tensor";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createWebGpuDevice } from "./index.js";
import { findTestAdapter, testAdapter } from "./testing/adapter.js";
import { type System, systems, train } from "./testing/systems.js";

vi.setConfig({ testTimeout: 300_000 });

const steps = 3;
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

  it.each(Object.entries(systems))("%s: losses and gradients equal those of the CPU", async (_, make) => {
    setDefaultDevice(cpu);
    const expected: System = make();
    setDefaultDevice(gpu);
    const got: System = make();
    for (const [i, module] of got.modules.entries()) {
      const state: Record<string, Tensor> = {};
      for (const [name, value] of Object.entries(expected.modules[i]!.stateDict()))
        state[name] = tensor(await value.data(), { shape: value.shape });
      module.loadStateDict(state);
    }
    const ours = await train(got, steps);
    setDefaultDevice(cpu);
    const theirs = await train(expected, steps);
    ours.losses.forEach((loss, i) => {
      const other = theirs.losses[i]!;
      expect(Math.abs(loss / other - 1), `loss ${loss} of step ${i}, ${other} on the CPU`).toBeLessThan(1e-4);
    });
    expect(ours.losses.at(-1)).toBeLessThan(ours.losses[0]!);
    // Some gradients are zero but for rounding (biases of keys), so the largest of all is the measure.
    const scale = Math.max(...[...theirs.gradients.values()].flat().map(Math.abs));
    expect([...ours.gradients.keys()]).toEqual([...theirs.gradients.keys()]);
    for (const [name, values] of ours.gradients) {
      const other = theirs.gradients.get(name)!;
      const worst = Math.max(...values.map((v, i) => Math.abs(v - other[i]!)));
      expect(worst / scale, `gradient of ${name}`).toBeLessThan(1e-4);
    }
  });
});
