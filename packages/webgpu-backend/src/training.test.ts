import { createCpuDevice, type Device, setDefaultDevice, type Tensor, tensor } from "@torchium/tensor";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createWebGpuDevice } from "./index.js";
import { hasAdapter } from "./testing/adapter.js";
import { type System, systems, train } from "./testing/systems.js";

vi.setConfig({ testTimeout: 300_000 });

const steps = 3;
const available = await hasAdapter();

/** Every parameter by name, as numbers. */
async function stateOf({ modules }: System): Promise<[string, number[]][]> {
  const out: [string, number[]][] = [];
  for (const [i, module] of modules.entries())
    for (const [name, value] of Object.entries(module.stateDict()))
      out.push([`${i}.${name}`, [...(await value.data())]]);
  return out;
}

describe.skipIf(!available)(`training on WebGPU${available ? "" : " (no WebGPU adapter was found)"}`, () => {
  let cpu: Device;
  let gpu: Device;
  beforeAll(async () => {
    cpu = await createCpuDevice({ threads: 1 });
    gpu = await createWebGpuDevice();
  });
  afterAll(() => {
    setDefaultDevice(cpu);
    gpu.dispose();
  });

  it.each(Object.entries(systems))("%s: losses and parameters equal those of the CPU", async (_, make) => {
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
    const gpuLosses = await train(got, steps);
    setDefaultDevice(cpu);
    const cpuLosses = await train(expected, steps);
    gpuLosses.forEach((loss, i) => {
      expect(Math.abs(loss / cpuLosses[i]! - 1), `loss ${loss} of step ${i}, ${cpuLosses[i]} on the CPU`).toBeLessThan(
        1e-4,
      );
    });
    expect(gpuLosses.at(-1)).toBeLessThan(gpuLosses[0]!);
    const [ours, theirs] = [await stateOf(got), await stateOf(expected)];
    for (const [k, [name, values]] of ours.entries()) {
      const other = theirs[k]![1];
      const scale = Math.max(...other.map(Math.abs), 1e-3);
      const worst = Math.max(...values.map((v, i) => Math.abs(v - other[i]!)));
      expect(worst / scale, name).toBeLessThan(2e-3);
    }
  });
});
