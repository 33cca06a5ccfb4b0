// Trains a small character model as a user's program would: the test runs it in a folder of its own.

import { CrossEntropyLoss } from "@torchium/losses";
import { createLoss } from "@torchium/losses/registry";
import { CharacterTokenizer, consecutiveWindows, GPTModel, generate } from "@torchium/nlp-models";
import { AdamW } from "@torchium/optim";
import { createOptimizer } from "@torchium/optim/registry";
import { fromTypedArray, manualSeed, noGrad } from "@torchium/tensor";
import { loadSafetensors, serializeSafetensors } from "@torchium/tensor/io";

manualSeed(1337);
const text = "to be or not to be, ".repeat(16);
const tokenizer = CharacterTokenizer.train(text);
const { inputIds, labels } = consecutiveWindows(Int32Array.from(tokenizer.encode(text)), 16);
const input = fromTypedArray(inputIds.data, inputIds.shape);
const target = fromTypedArray(labels.data, labels.shape);

const sizes = { vocabSize: tokenizer.size, dModel: 32, nhead: 2, numLayers: 1, maxLen: 32, dropout: 0 };
const model = new GPTModel(sizes);
const optimizer = new AdamW(model.parameters(), { lr: 1e-2 });
const criterion = new CrossEntropyLoss();
/** @param {GPTModel} net */
const lossOf = (net) => criterion.forward(net.forward(input).transpose(1, 2), target);

let first = Number.NaN;
for (let step = 0; step < 40; step++) {
  optimizer.zeroGrad();
  const loss = lossOf(model);
  loss.backward();
  optimizer.step();
  if (step === 0) first = await loss.item();
}
const last = await noGrad(() => lossOf(model)).item();

const copy = new GPTModel(sizes);
copy.loadStateDict(await loadSafetensors(await serializeSafetensors(model.stateDict())));
const again = await noGrad(() => lossOf(copy)).item();
if (again !== last) throw new Error(`a saved model's loss is ${again}, it was ${last}`);

const ids = await generate(model, tokenizer.encode("to b"), { maxNewTokens: 16 });
const sample = tokenizer.decode(ids);
const optimizers = createOptimizer("SGD", copy.parameters(), { lr: 1e-2 }).constructor.name;
const losses = createLoss("MSELoss").constructor.name;
console.log(JSON.stringify({ first, last, sample, optimizers, losses }));
