// A small GPT trained on the emulator and on the CPU from the same seed: the same losses, step by step.

import { autocast, createCpuDevice, type Device, fromTypedArray, manualSeed, setDefaultDevice } from "@torchium/tensor";
import { functional as F } from "@torchium/tensor/nn";
import { expect, it } from "vitest";
import { GPTModel } from "../../nlp-models/src/index.js";
import { AdamW, clipGradNorm } from "../../optim/src/index.js";
import { createCudaDevice } from "./device.js";
import { describeOnEmulator } from "./testing/describe-on-emulator.js";

const vocabSize = 17;
const block = 12;
const batch = 4;
const numLayers = 2;
const steps = 12;

/** Losses of some steps on made-up text whose next character follows from the last two. */
async function train(
  device: Device,
  dropout: number,
  dtype: "float32" | "bfloat16",
  activation: "gelu" | "geluTanh",
): Promise<number[]> {
  setDefaultDevice(device);
  const generator = manualSeed(5);
  const shape = { vocabSize, dModel: 24, nhead: 2, numLayers, maxLen: block };
  const model = new GPTModel({ ...shape, dropout, activation, generator });
  const optimizer = new AdamW(model.parameters(), { lr: 3e-3, weightDecay: 0.1 });
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const text = Int32Array.from(
      { length: batch * (block + 1) },
      (_, i) => ((step % 2) * 31 + i * i * 7 + i) % vocabSize,
    );
    const at = (offset: number) =>
      Int32Array.from(
        { length: batch * block },
        (_, i) => text[Math.floor(i / block) * (block + 1) + (i % block) + offset]!,
      );
    const loss = autocast(dtype, () => {
      const logits = model.forward(fromTypedArray(at(0), [batch, block]));
      return F.crossEntropy(logits.view(-1, vocabSize), fromTypedArray(at(1), [batch * block]));
    });
    optimizer.zeroGrad();
    loss.backward();
    clipGradNorm(model.parameters(), 1);
    optimizer.step();
    losses.push(await loss.item());
  }
  return losses;
}

describeOnEmulator("a GPT with AdamW and clipping", (emulator) => {
  it.each([
    // With dropout attention is composed; without, it is one kernel, in bfloat16 on tensor cores.
    { dropout: 0.1, dtype: "float32", activation: "gelu", most: 2e-4, byLibrary: 0 },
    { dropout: 0, dtype: "float32", activation: "geluTanh", most: 2e-4, byLibrary: 0 },
    // In 16 bits cuBLASLt takes GELU's tanh form, and its gradient, behind its products.
    { dropout: 0, dtype: "bfloat16", activation: "gelu", most: 0.03, byLibrary: 0 },
    { dropout: 0, dtype: "bfloat16", activation: "geluTanh", most: 0.03, byLibrary: numLayers * steps },
  ] as const)(
    "learns on the emulated GPU as on the CPU, dropout $dropout, $dtype, $activation",
    async ({ dropout, dtype, activation, most, byLibrary }) => {
      const { path, cacheDirectory } = emulator;
      const libraries = { driver: path, nvrtc: path, cublasLt: path };
      const gpu = await createCudaDevice({ memoryLimit: 2 ** 27, cacheDirectory, libraries });
      const cpu = await createCpuDevice({ threads: 1 });
      const counts = () => [emulator.get("gelus"), emulator.get("gelu_gradients")];
      const before = counts();
      const onGpu = await train(gpu, dropout, dtype, activation);
      expect(counts().map((count, i) => count - before[i]!)).toEqual([byLibrary, byLibrary]);
      const onCpu = await train(cpu, dropout, dtype, activation);
      gpu.dispose();
      cpu.dispose();
      expect(onCpu.at(-1)).toBeLessThan(onCpu[0]! - 0.1);
      onGpu.forEach((loss, step) => {
        expect(Math.abs(loss - onCpu[step]!), `step ${step}: ${loss} and ${onCpu[step]}`).toBeLessThan(most);
      });
    },
    180_000,
  );
});
