// A GPT inside autocast, with scaled gradients and weights from a file of 16 bits, trains on WebGPU as on the CPU.

import { PerplexityLoss } from "@torchium/losses";
import { GPTModel } from "@torchium/nlp-models";
import { AdamW, GradScaler } from "@torchium/optim";
import { autocast, createCpuDevice, type Device, Generator, setDefaultDevice, tensor } from "@torchium/tensor";
import { loadSafetensors, serializeSafetensors } from "@torchium/tensor/io";
import { createWebGpuDevice } from "@torchium/webgpu-backend";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findTestAdapter, testAdapter } from "../../packages/webgpu-backend/src/testing/adapter.js";

const available = (await findTestAdapter()) !== undefined;
const steps = 5;
const shape = { vocabSize: 23, dModel: 16, nhead: 2, numLayers: 1, maxLen: 8, dropout: 0 } as const;

/** A model on the default device. */
const makeModel = (): GPTModel => new GPTModel({ ...shape, generator: new Generator(7) });

/** Losses of some steps on one batch, from the weights of a file. */
async function train(device: Device, dtype: "float16" | "bfloat16", file: Uint8Array): Promise<number[]> {
  setDefaultDevice(device);
  const model = makeModel();
  const loaded = await loadSafetensors(file);
  expect(Object.values(loaded).map((x) => x.dtype)).toContain(dtype);
  model.loadStateDict(loaded);
  const criterion = new PerplexityLoss();
  const optimizer = new AdamW(model.parameters(), { lr: 1e-2 });
  const scaler = new GradScaler({ initScale: 2 ** 10 });
  const ids = (salt: number) =>
    tensor(
      Int32Array.from({ length: 16 }, (_, i) => (i * i * 7 + salt) % 23),
      { shape: [2, 8] },
    );
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    optimizer.zeroGrad();
    const loss = autocast(dtype, () => criterion.forward(model.forward(ids(1)), ids(3)));
    scaler.scale(loss).backward();
    losses.push(await loss.item());
    expect(await scaler.step(optimizer)).toBe(true);
    scaler.update();
  }
  return losses;
}

describe.skipIf(!available)(`16 bits on WebGPU${available ? "" : " (no WebGPU adapter was found)"}`, () => {
  let cpu: Device;
  let gpu: Device;
  beforeAll(async () => {
    cpu = await createCpuDevice({ threads: 1 });
    gpu = await createWebGpuDevice({ device: await (await testAdapter()).requestDevice() });
  });
  afterAll(() => {
    setDefaultDevice(cpu);
    gpu.dispose();
  });

  it.each([
    ["bfloat16", 2 ** -8],
    ["float16", 2 ** -11],
  ] as const)(
    "a GPT inside autocast in %s loses as on the CPU",
    async (dtype, unit) => {
      setDefaultDevice(cpu);
      const weights = Object.entries(makeModel().stateDict()).map(([name, x]) => [name, x.to(dtype)] as const);
      const file = await serializeSafetensors(Object.fromEntries(weights));
      const [ours, theirs] = [await train(gpu, dtype, file), await train(cpu, dtype, file)];
      ours.forEach((loss, i) => {
        expect(Math.abs(loss / theirs[i]! - 1), `${loss} at step ${i}, ${theirs[i]} on the CPU`).toBeLessThan(unit);
      });
      expect(ours.at(-1)).toBeLessThan(0.8 * ours[0]!);
    },
    300_000,
  );
});
