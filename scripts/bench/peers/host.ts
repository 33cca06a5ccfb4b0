// What a step costs beside its arithmetic: `host.ts first` runs one GPT step and ends; `host.ts lengths` prints, as one
// JSON line, what steps at lengths never seen cost beside the same lengths seen again, and what they compile.
import { GPTModel } from "@torchium/nlp-models";
import { AdamW, clipGradNorm } from "@torchium/optim";
import { createCpuDevice, fromTypedArray, setDefaultDevice } from "@torchium/tensor";
import { functional as F } from "@torchium/tensor/nn";
import { quantile } from "../report.js";
import { growingLengths as gpt } from "../rows.js";
import { idWave } from "../serve.js";

const device = await createCpuDevice();
setDefaultDevice(device);
const model = new GPTModel({
  ...{ vocabSize: gpt.vocabulary, dModel: gpt.width, nhead: gpt.heads, numLayers: gpt.layers, maxLen: gpt.block },
  ...{ dropout: 0, bias: false },
});
const parameters = [...model.parameters()];
const optimizer = new AdamW(parameters, { lr: 1e-3 });
const text = idWave(gpt.batch * gpt.block + 1, gpt.vocabulary);

/** Milliseconds of a training step at a length. */
async function step(length: number): Promise<number> {
  const start = performance.now();
  const count = gpt.batch * length;
  const inputs = fromTypedArray(text.slice(0, count), [gpt.batch, length]);
  const logits = model.forward(inputs).view(-1, gpt.vocabulary);
  F.crossEntropy(logits, fromTypedArray(text.slice(1, count + 1), [count])).backward();
  clipGradNorm(parameters, 1);
  optimizer.step();
  optimizer.zeroGrad();
  await device.finish();
  return performance.now() - start;
}

if (process.argv[2] === "first") {
  await step(64);
  process.exit(0);
}
for (let i = 0; i < 24; i++) await step(48 + (i % 3));
const before = device.counters;
const ratios: number[] = [];
for (let length = 52; length < 64; length++) {
  const unseen = await step(length);
  const seen = [await step(length), await step(length), await step(length)];
  ratios.push(unseen / quantile(seen, 0.5));
}
const after = device.counters;
console.log(
  JSON.stringify({
    newLengthRatio: quantile(ratios, 0.5),
    kernelsCompiled: after.kernelsCompiled - before.kernelsCompiled,
    plansBuilt: after.plansBuilt - before.plansBuilt,
    peakBytes: device.memory().peakBytes,
  }),
);
process.exit(0);
