// A small GPT trained on the emulator and on the CPU from the same seed: the same losses, step by step.

import { createCpuDevice, type Device, fromTypedArray, manualSeed, setDefaultDevice } from "@torchium/tensor";
import { functional as F } from "@torchium/tensor/nn";
import { expect, it } from "vitest";
import { GPTModel } from "../../nlp-models/src/index.js";
import { AdamW, clipGradNorm } from "../../optim/src/index.js";
import { createCudaDevice } from "./device.js";
import { describeOnEmulator } from "./testing/describe-on-emulator.js";

const vocabSize = 17;
const block = 12;
const batch = 4;

/** Losses of some steps on made-up text whose next character follows from the last two. */
async function train(device: Device, steps: number): Promise<number[]> {
  setDefaultDevice(device);
  const generator = manualSeed(5);
  const model = new GPTModel({ vocabSize, dModel: 24, nhead: 2, numLayers: 2, maxLen: block, dropout: 0.1, generator });
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
    const logits = model.forward(fromTypedArray(at(0), [batch, block]));
    const loss = F.crossEntropy(logits.view(-1, vocabSize), fromTypedArray(at(1), [batch * block]));
    optimizer.zeroGrad();
    loss.backward();
    clipGradNorm(model.parameters(), 1);
    const value = loss.item();
    losses.push(await value);
    optimizer.step();
  }
  return losses;
}

describeOnEmulator("a GPT with dropout, AdamW and clipping", (emulator) => {
  it("learns on the emulated GPU as on the CPU", async () => {
    const { path, cacheDirectory } = emulator;
    const libraries = { driver: path, nvrtc: path, cublasLt: path };
    const gpu = await createCudaDevice({ memoryLimit: 2 ** 27, cacheDirectory, libraries });
    const cpu = await createCpuDevice({ threads: 1 });
    const [onGpu, onCpu] = [await train(gpu, 12), await train(cpu, 12)];
    gpu.dispose();
    cpu.dispose();
    expect(onCpu.at(-1)).toBeLessThan(onCpu[0]! - 0.1);
    onGpu.forEach((loss, step) => {
      expect(Math.abs(loss - onCpu[step]!), `step ${step}: ${loss} and ${onCpu[step]}`).toBeLessThan(2e-4);
    });
  }, 180_000);
});
