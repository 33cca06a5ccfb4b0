// A word-level language model: a Transformer encoder under a causal mask, trained with LAMB and label smoothing.
import { join } from "node:path";
import { LabelSmoothingLoss } from "@torchium/losses";
import {
  consecutiveWindows,
  generateStream,
  type IdBlock,
  indexBatches,
  selectRows,
  TransformerModel,
  textLines,
  Vocabulary,
} from "@torchium/nlp-models";
import { clipGradNorm, LAMB } from "@torchium/optim";
import { fromTypedArray, Generator, keep, noGrad, type Tensor, TensorError } from "@torchium/tensor";
import { loadCheckpoint, saveCheckpoint } from "@torchium/tensor/io";
import { functional as F } from "@torchium/tensor/nn";
import { integer, number } from "../cli/option.js";
import { toyCorpus } from "../data/toy-corpus.js";
import { batchesByStep } from "../epochs.js";
import { defineExample } from "../example.js";
import { setRate, warmupCosineAt } from "../schedule.js";
import { train } from "../training-loop.js";

const endOfLine = "<eos>";
const unknown = "<unk>";

const modelOptions = {
  layers: integer({ min: 1, help: "encoder layers", default: 2 }),
  heads: integer({ min: 1, help: "attention heads", default: 4 }),
  width: integer({ min: 1, help: "model width, a multiple of the heads", default: 128 }),
  feedforward: integer({ min: 1, help: "width inside the feed-forward network", default: 512 }),
  block: integer({ min: 1, help: "words the model sees at once", default: 64 }),
  dropout: number({ min: 0, max: 1, help: "share of activations dropped in training", default: 0.1 }),
} as const;

type ModelOptions = { readonly [K in keyof typeof modelOptions]: number };

const makeModel = (o: ModelOptions, vocabSize: number, generator: Generator): TransformerModel =>
  new TransformerModel({
    vocabSize,
    dModel: o.width,
    nhead: o.heads,
    numLayers: o.layers,
    dimFeedforward: o.feedforward,
    maxLen: o.block,
    dropout: o.dropout,
    generator,
  });

type Windows = ReturnType<typeof consecutiveWindows>;

const toTensor = ({ data, shape }: IdBlock): Tensor => fromTypedArray(data, shape);

/** Logits [batch · block, vocabulary] and the targets they stand for. */
function predict(model: TransformerModel, inputs: IdBlock, labels: IdBlock): [Tensor, Tensor] {
  return [model.forward(toTensor(inputs)).view(-1, model.vocabSize), toTensor(labels).view(-1)];
}

export const transformerLm = defineExample({
  name: "transformer-lm",
  title: "a Transformer language model over words (LAMB, label smoothing)",
  data: "a text file, one sentence a line, words separated by spaces; without it, made-up sentences",
  options: {
    ...modelOptions,
    lines: integer({ min: 20, help: "lines of the text to use; the last tenth is held out", default: 20_000 }),
    vocabulary: integer({ min: 3, help: "words known; the rest are one unknown word", default: 8000 }),
    batch: integer({ min: 1, help: "sequences a step", default: 16 }),
    epochs: integer({ min: 1, help: "passes over the text", default: 3 }),
    lr: number({ min: 0, aboveMin: true, help: "highest learning rate", default: 0.01 }),
    warmup: integer({ min: 0, help: "steps of linear warm-up", default: 100 }),
    smoothing: number({ min: 0, max: 1, help: "label smoothing", default: 0.1 }),
    clip: number({ min: 0, aboveMin: true, help: "largest norm of the gradient", default: 1 }),
    sample: integer({ min: 0, help: "words to write at the end", default: 40 }),
  },
  useOptions: {
    length: integer({ min: 1, help: "words to write", default: 50 }),
    temperature: number({ min: 0, aboveMin: true, help: "below 1 safer, above 1 wilder", default: 0.8 }),
    topK: integer({ min: 1, help: "draw from the k likeliest words", default: 50 }),
  },
  input: "words to continue",

  async train({ options, run, describe, print }) {
    const text = options.data === undefined ? toyCorpus(options.seed) : await textLines().read(options.data);
    const sentences = text.slice(0, options.lines).map((line) => [...line.split(" ").filter(Boolean), endOfLine]);
    const cut = Math.floor(sentences.length * 0.9);
    const vocabulary = Vocabulary.build(sentences.slice(0, cut).flat(), {
      specials: [unknown],
      unknown,
      maxSize: options.vocabulary,
    });
    const parts = [sentences.slice(0, cut), sentences.slice(cut)].map((part) =>
      Int32Array.from(vocabulary.encode(part.flat())),
    );
    if (parts[0]!.length <= options.batch * options.block || parts[1]!.length <= options.block) {
      const expected = `more than ${options.batch * options.block} to train on and ${options.block} held out`;
      const message = `transformer-lm: the text is too short, got ${parts[0]!.length} and ${parts[1]!.length} words, expected ${expected}`;
      throw new TensorError("argument", message, { lines: sentences.length });
    }
    const [training, heldOut] = parts.map((ids) => consecutiveWindows(ids, options.block)) as [Windows, Windows];
    const perEpoch = Math.floor(training.inputIds.shape[0]! / options.batch);

    const generator = new Generator(options.seed);
    const model = makeModel(options, vocabulary.size, generator);
    const criterion = new LabelSmoothingLoss({ numClasses: vocabulary.size, smoothing: options.smoothing });
    const optimizer = new LAMB(model.parameters(), { lr: options.lr, eps: 1e-6, weightDecay: 0.01, clampValue: 10 });
    const steps = options.epochs * perEpoch;
    describe({
      lines: sentences.length,
      vocabulary: vocabulary.size,
      parameters: [...model.parameters()].reduce((n, p) => n + p.numel, 0),
      steps,
    });

    const rows = (part: Windows, at: readonly number[]) =>
      [selectRows(part.inputIds, at), selectRows(part.labels, at)] as const;
    const batchOf = batchesByStep(options.seed, perEpoch, (random) =>
      indexBatches(training.inputIds.shape[0]!, options.batch, { random, dropLast: true }),
    );

    await train({
      context: { run },
      steps,
      unit: "words",
      step: (index) => {
        const schedule = { lr: options.lr, minLr: options.lr / 10, warmup: options.warmup, steps };
        const lr = warmupCosineAt(index, schedule);
        setRate(optimizer, lr);
        let loss: Tensor | undefined;
        for (let k = 0; k < options.accumulate; k++) {
          const at = batchOf((index * options.accumulate + k) % steps);
          const part = criterion.forward(...predict(model, ...rows(training, at))).div(options.accumulate);
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
        model.eval();
        const count = heldOut.inputIds.shape[0]!;
        let total = 0;
        for (const at of each(indexBatches(count, options.batch))) {
          const loss = noGrad(() => F.crossEntropy(...predict(model, ...rows(heldOut, at))));
          total += at.length * (await loss.item());
        }
        model.train();
        return { loss: total / count, perplexity: Math.exp(total / count) };
      },
      save: (folder) =>
        saveCheckpoint(join(folder, "state"), {
          model,
          optimizer,
          generator,
          vocabulary: vocabulary.toJSON() as never,
        }),
      load: async (folder) => {
        await loadCheckpoint(join(folder, "state"), { into: { model, optimizer, generator } });
      },
    });
    if (options.sample > 0)
      print(
        await write(model, vocabulary, [endOfLine], {
          maxNewTokens: options.sample,
          temperature: 0.8,
          topK: 50,
          seed: options.seed,
        }),
      );
  },

  async use({ options, words, trained, print }) {
    const folder = join(trained.checkpoint, "state");
    const vocabulary = Vocabulary.fromJSON((await loadCheckpoint(folder)).vocabulary);
    const model = makeModel(trained.options, vocabulary.size, new Generator(options.seed));
    await loadCheckpoint(folder, { into: { model } });
    const { length: maxNewTokens, temperature, topK, seed } = options;
    const prompt = words.length > 0 ? words.join(" ").toLowerCase().split(/\s+/) : [endOfLine];
    print(
      await write(model, vocabulary, prompt, {
        maxNewTokens,
        temperature,
        topK: Math.min(topK, vocabulary.size),
        seed,
      }),
    );
  },
});

/** A prompt and what the model writes after it, one sentence a line. */
async function write(
  model: TransformerModel,
  vocabulary: Vocabulary,
  prompt: readonly string[],
  limits: { maxNewTokens: number; temperature: number; topK: number; seed: number },
): Promise<string> {
  const written = prompt.filter((word) => word !== endOfLine);
  const options = { ...limits, topK: Math.min(limits.topK, vocabulary.size) };
  for await (const id of generateStream(model, vocabulary.encode(prompt), options))
    written.push(...vocabulary.decode([id]));
  return written.join(" ").replaceAll(` ${endOfLine}`, "\n").replaceAll("\n ", "\n").trim();
}
