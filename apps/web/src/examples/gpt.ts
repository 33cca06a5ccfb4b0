// A character-level GPT on the text in the box, by nanoGPT's recipe.

import { setRate, warmupCosineAt } from "@torchium/examples/schedule";
import {
  CharacterTokenizer,
  GPTModel,
  generateStream,
  type IdBlock,
  randomWindows,
  SeededRandom,
} from "@torchium/nlp-models";
import { AdamW, clipGradNorm } from "@torchium/optim";
import { fromTypedArray, Generator, type Tensor, TensorError } from "@torchium/tensor";
import { functional as F } from "@torchium/tensor/nn";
import { type Begin, parameterCount, type Run } from "./run.js";

const sizes = {
  tiny: { dModel: 32, nhead: 2, numLayers: 1, block: 16, batch: 8 },
  small: { dModel: 64, nhead: 4, numLayers: 2, block: 32, batch: 12 },
  medium: { dModel: 128, nhead: 4, numLayers: 4, block: 64, batch: 12 },
} as const;
const sampleLength = 200;
const answerLength = 300;

const toTensor = ({ data, shape }: IdBlock): Tensor => fromTypedArray(data, shape);

/** Writes in the style of a text. */
export const beginGpt: Begin = ({ text, size, steps, seed }): Run => {
  const { block, batch, ...shape } = sizes[size];
  const tokenizer = CharacterTokenizer.train(text);
  const ids = Int32Array.from(tokenizer.encode(text));
  if (ids.length <= block + 1) {
    const message = `GPT: the text is too short, got ${ids.length} characters, expected at least ${block + 2}`;
    throw new TensorError("argument", message, { characters: ids.length });
  }
  const generator = new Generator(seed);
  const model = new GPTModel({
    vocabSize: tokenizer.size,
    ...shape,
    maxLen: block,
    dropout: 0,
    bias: false,
    generator,
  });
  const optimizer = new AdamW(model.parameters(), { lr: 1e-3, betas: [0.9, 0.99], weightDecay: 0.1 });
  const rates = { lr: 2e-3, minLr: 2e-4, warmup: Math.min(50, Math.ceil(steps / 10)), steps };

  const write = async (start: string, length: number, atStep: number): Promise<string> => {
    let written = start;
    const limits = { maxNewTokens: length, temperature: 0.8, seed: seed + atStep };
    for await (const id of generateStream(model, tokenizer.encode(start), limits)) written += tokenizer.decode([id]);
    return written;
  };

  return {
    unit: "characters",
    description: `${parameterCount(model.parameters())}, ${tokenizer.size} different characters`,
    parts: { model, optimizer, generator },
    step: (index) => {
      setRate(optimizer, warmupCosineAt(index, rates));
      const { inputIds, labels } = randomWindows(ids, block, batch, new SeededRandom(seed * 1_000_003 + index));
      const logits = model.forward(toTensor(inputIds)); // [batch, block, vocabulary]
      const loss = F.crossEntropy(logits.view(-1, model.vocabSize), toTensor(labels).view(-1));
      loss.backward();
      clipGradNorm(model.parameters(), 1);
      optimizer.step();
      optimizer.zeroGrad();
      return { loss, units: batch * block };
    },
    sample: () => write(text.slice(0, 1), sampleLength, 0),
    ask: (input) => {
      const unknown = [...input].find((character) => !tokenizer.vocabulary.has(character));
      if (input === "" || unknown !== undefined) {
        const got = input === "" ? "nothing" : JSON.stringify(unknown);
        throw new TensorError("argument", `GPT: type letters that occur in the text, got ${got}`, { got });
      }
      return write(input, answerLength, 1);
    },
  };
};
