// A character-level GPT: by default nanoGPT's recipe for a processor (github.com/karpathy/nanoGPT).
import { join } from "node:path";
import {
  CharacterTokenizer,
  consecutiveWindows,
  GPTModel,
  generateStream,
  type IdBlock,
  randomWindows,
  readText,
  SeededRandom,
} from "@torchium/nlp-models";
import { AdamW, clipGradNorm } from "@torchium/optim";
import { fromTypedArray, Generator, keep, noGrad, type Tensor, TensorError } from "@torchium/tensor";
import { loadCheckpoint, saveCheckpoint } from "@torchium/tensor/io";
import { functional as F } from "@torchium/tensor/nn";
import { integer, number, text } from "../cli/option.js";
import { projectText } from "../data/project-text.js";
import { defineExample } from "../example.js";
import { setRate, warmupCosineAt } from "../schedule.js";
import { type EachBatch, train } from "../training-loop.js";

const evaluationBatch = 128;

const modelOptions = {
  layers: integer({ min: 1, help: "transformer blocks", default: 4 }),
  heads: integer({ min: 1, help: "attention heads", default: 4 }),
  width: integer({ min: 1, help: "model width, a multiple of the heads", default: 128 }),
  block: integer({ min: 1, help: "characters the model sees at once", default: 64 }),
  dropout: number({ min: 0, max: 1, help: "share of activations dropped in training", default: 0 }),
} as const;

type ModelOptions = { readonly [K in keyof typeof modelOptions]: number };

const makeModel = (options: ModelOptions, vocabSize: number, generator: Generator): GPTModel =>
  new GPTModel({
    vocabSize,
    dModel: options.width,
    nhead: options.heads,
    numLayers: options.layers,
    maxLen: options.block,
    dropout: options.dropout,
    bias: false,
    generator,
  });

const toTensor = ({ data, shape }: IdBlock): Tensor => fromTypedArray(data, shape);

/** Mean loss a character of next-character prediction. */
function lossOf(model: GPTModel, inputs: Tensor, targets: Tensor): Tensor {
  const logits = model.forward(inputs); // [batch, block, vocabulary]
  return F.crossEntropy(logits.view(-1, model.vocabSize), targets.view(-1));
}

/** Mean loss over consecutive windows of `ids`; the tail that fills no window is left out. */
async function wholeLoss(model: GPTModel, ids: Int32Array, block: number, each: EachBatch): Promise<number> {
  const { inputIds, labels } = consecutiveWindows(ids, block);
  const count = inputIds.shape[0]!;
  let total = 0;
  model.eval();
  const starts = Array.from({ length: Math.ceil(count / evaluationBatch) }, (_, k) => k * evaluationBatch);
  for (const from of each(starts)) {
    const rows = Math.min(evaluationBatch, count - from);
    const part = (b: IdBlock): Tensor =>
      fromTypedArray(b.data.slice(from * block, (from + rows) * block), [rows, block]);
    total += rows * (await noGrad(() => lossOf(model, part(inputIds), part(labels))).item());
  }
  model.train();
  return total / count;
}

export const gpt = defineExample({
  name: "gpt",
  title: "a character-level GPT that writes text",
  data: "a text file; without it, this project's own source and documentation",
  options: {
    ...modelOptions,
    batch: integer({ min: 1, help: "sequences a step", default: 12 }),
    iterations: integer({ min: 1, help: "steps of the whole recipe", default: 2000 }),
    lr: number({ min: 0, aboveMin: true, help: "highest learning rate", default: 1e-3 }),
    minLr: number({ min: 0, help: "learning rate at the end", default: 1e-4 }),
    warmup: integer({ min: 0, help: "steps of linear warm-up", default: 100 }),
    weightDecay: number({ min: 0, help: "weight decay on matrices", default: 0.1 }),
    clip: number({ min: 0, aboveMin: true, help: "largest norm of the gradient", default: 1 }),
    sample: integer({ min: 0, help: "characters to write at the end", default: 400 }),
  },
  useOptions: {
    length: integer({ min: 1, help: "characters to write", default: 500 }),
    temperature: number({ min: 0, aboveMin: true, help: "below 1 safer, above 1 wilder", default: 0.8 }),
    topK: integer({ min: 1, help: "draw from the k likeliest characters" }),
    topP: number({
      min: 0,
      max: 1,
      aboveMin: true,
      help: "draw from the likeliest characters that make up this share",
    }),
    start: text({ help: "text to continue, if no words are given", default: "\n" }),
  },
  input: "a text to continue",

  async train({ options, run, describe, print }) {
    const all = options.data === undefined ? await projectText() : await readText(options.data);
    const tokenizer = CharacterTokenizer.train(all);
    const ids = Int32Array.from(tokenizer.encode(all));
    const cut = Math.floor(ids.length * 0.9);
    const [training, heldOut] = [ids.subarray(0, cut), ids.subarray(cut)];
    if (heldOut.length <= options.block) {
      const message = `gpt: the text is too short, got ${ids.length} characters, expected more than ${10 * (options.block + 1)}`;
      throw new TensorError("argument", message, { characters: ids.length, block: options.block });
    }

    const generator = new Generator(options.seed);
    const model = makeModel(options, tokenizer.size, generator);
    const matrices = [...model.parameters()].filter((p) => p.ndim > 1);
    const vectors = [...model.parameters()].filter((p) => p.ndim < 2);
    const optimizer = new AdamW(
      [
        { params: matrices, weightDecay: options.weightDecay },
        ...(vectors.length > 0 ? [{ params: vectors, weightDecay: 0 }] : []),
      ],
      { lr: options.lr, betas: [0.9, 0.99], eps: 1e-8 },
    );
    const parameters = [...model.parameters()].reduce((n, p) => n + p.numel, 0);
    describe({ characters: ids.length, vocabulary: tokenizer.size, parameters });

    await train({
      context: { run },
      steps: options.iterations,
      unit: "chars",
      step: (index) => {
        const lr = warmupCosineAt(index, { ...options, steps: options.iterations });
        setRate(optimizer, lr);
        const random = new SeededRandom(options.seed * 1_000_003 + index);
        let loss: Tensor | undefined;
        for (let k = 0; k < options.accumulate; k++) {
          const { inputIds, labels } = randomWindows(training, options.block, options.batch, random);
          const part = lossOf(model, toTensor(inputIds), toTensor(labels)).div(options.accumulate);
          part.backward();
          loss = loss ? loss.add(part) : part;
        }
        keep(loss!);
        clipGradNorm(model.parameters(), options.clip);
        optimizer.step();
        optimizer.zeroGrad();
        return { loss: loss!, tokens: options.accumulate * options.batch * options.block, extra: { lr } };
      },
      evaluate: async (each) => {
        const loss = await wholeLoss(model, heldOut, options.block, each);
        return { loss, perplexity: Math.exp(loss) };
      },
      save: (folder) =>
        saveCheckpoint(join(folder, "state"), { model, optimizer, generator, tokenizer: tokenizer.toJSON() as never }),
      load: async (folder) => {
        await loadCheckpoint(join(folder, "state"), { into: { model, optimizer, generator } });
      },
    });

    if (options.sample > 0) {
      print("");
      const start = tokenizer.encode(all.slice(cut, cut + 1));
      let written = "";
      const limits = { maxNewTokens: options.sample, temperature: 0.8, seed: options.seed };
      for await (const id of generateStream(model, start, limits)) written += tokenizer.decode([id]);
      print(written);
      print("");
    }
  },

  async use({ options, words, trained, print }) {
    const state = await loadCheckpoint(join(trained.checkpoint, "state"));
    const tokenizer = CharacterTokenizer.fromJSON(state.tokenizer);
    const model = makeModel(trained.options, tokenizer.size, new Generator(options.seed));
    await loadCheckpoint(join(trained.checkpoint, "state"), { into: { model } });
    const prompt = words.length > 0 ? words.join(" ") : options.start;
    const { length: maxNewTokens, temperature, topK, topP } = options;
    const limits = { maxNewTokens, temperature, seed: options.seed, ...(topK && { topK }), ...(topP && { topP }) };
    let written = prompt;
    for await (const id of generateStream(model, tokenizer.encode(prompt), limits)) written += tokenizer.decode([id]);
    print(written);
  },
});
