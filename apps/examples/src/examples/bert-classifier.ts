// A BERT-style sentence classifier from scratch: [CLS], segment embeddings, AdamW, label smoothing.
import { join } from "node:path";
import { LabelSmoothingLoss } from "@torchium/losses";
import {
  accuracy,
  BERTClassifier,
  collateClassification,
  type IdBlock,
  type LabelledIds,
  type LabelledText,
  labelledText,
  lengthBuckets,
  Vocabulary,
} from "@torchium/nlp-models";
import { AdamW, clipGradNorm } from "@torchium/optim";
import { fromTypedArray, Generator, keep, noGrad, type Tensor } from "@torchium/tensor";
import { loadCheckpoint, saveCheckpoint } from "@torchium/tensor/io";
import { integer, number } from "../cli/option.js";
import { toySentiment } from "../data/toy-opinions.js";
import { batchesByStep } from "../epochs.js";
import { defineExample } from "../example.js";
import { setRate, warmupCosineAt } from "../schedule.js";
import { type EachBatch, train } from "../training-loop.js";

const specials = ["<pad>", "<unk>", "<cls>"] as const;
const [padding, unknown, begin] = specials;
const evaluationBatch = 256;
/** Sentences made up where no data are given. */
const madeUp = { train: 3000, validation: 300, test: 300 } as const;

const modelOptions = {
  layers: integer({ min: 1, help: "encoder layers", default: 2 }),
  heads: integer({ min: 1, help: "attention heads", default: 4 }),
  width: integer({ min: 1, help: "model width, a multiple of the heads", default: 128 }),
  feedforward: integer({ min: 1, help: "width inside the feed-forward network", default: 512 }),
  longest: integer({ min: 2, help: "words of a sentence that are read, [CLS] counted", default: 64 }),
  dropout: number({ min: 0, max: 1, help: "share of activations dropped in training", default: 0.1 }),
} as const;

type ModelOptions = { readonly [K in keyof typeof modelOptions]: number };

const makeModel = (o: ModelOptions, vocabSize: number, generator: Generator): BERTClassifier =>
  new BERTClassifier({
    vocabSize,
    dModel: o.width,
    nhead: o.heads,
    numLayers: o.layers,
    dimFeedforward: o.feedforward,
    maxLen: o.longest,
    dropout: o.dropout,
    numClasses: 2,
    embeddingNorm: false,
    generator,
  });

const toTensor = ({ data, shape }: IdBlock): Tensor => fromTypedArray(data, shape);

/** Logits [batch, 2] of some sentences, and their labels. */
function predict(model: BERTClassifier, sentences: readonly LabelledIds[], vocabulary: Vocabulary, maxLength: number) {
  const ids = { padId: vocabulary.idOf(padding)!, clsId: vocabulary.idOf(begin)!, maxLength };
  const batch = collateClassification(sentences, ids);
  const logits = model.forward(toTensor(batch.inputIds), toTensor(batch.attentionMask), toTensor(batch.segmentIds));
  return { logits, labels: toTensor(batch.labels), tokens: batch.attentionMask.data.reduce((a, b) => a + b, 0) };
}

/** Share of sentences whose likelier class is the right one, in percent. */
async function score(
  model: BERTClassifier,
  rows: readonly LabelledIds[],
  vocabulary: Vocabulary,
  longest: number,
  each: EachBatch,
): Promise<number> {
  model.eval();
  const [guesses, labels]: number[][] = [[], []];
  const lengths = rows.map((r) => r.ids.length);
  for (const at of each(lengthBuckets(lengths, evaluationBatch))) {
    const part = at.map((i) => rows[i]!);
    const best = noGrad(() => predict(model, part, vocabulary, longest).logits.argmax(-1));
    guesses!.push(...(await best.data()));
    labels!.push(...part.map((r) => r.label));
  }
  model.train();
  return 100 * accuracy(guesses!, labels!);
}

const readFolder = async (folder: string) => {
  const read = (part: string): Promise<LabelledText[]> => labelledText().read(join(folder, `${part}.tsv`));
  return { train: await read("train"), validation: await read("dev"), test: await read("test") };
};

export const bertClassifier = defineExample({
  name: "bert-classifier",
  title: "a BERT-style sentence classifier (AdamW, label smoothing)",
  data: "a folder with train.tsv, dev.tsv and test.tsv of label<TAB>text; without it, made-up opinions",
  options: {
    ...modelOptions,
    minCount: integer({ min: 1, help: "rarer words are unknown", default: 2 }),
    batch: integer({ min: 1, help: "sentences a step", default: 32 }),
    epochs: integer({ min: 1, help: "passes over the sentences", default: 4 }),
    lr: number({ min: 0, aboveMin: true, help: "highest learning rate", default: 5e-4 }),
    warmup: integer({ min: 0, help: "steps of linear warm-up", default: 100 }),
    weightDecay: number({ min: 0, help: "weight decay", default: 0.01 }),
    smoothing: number({ min: 0, max: 1, help: "label smoothing", default: 0.1 }),
    clip: number({ min: 0, aboveMin: true, help: "largest norm of the gradient", default: 1 }),
  },
  useOptions: {},
  input: "a sentence to classify",

  async train({ options, run, describe }) {
    const data = options.data === undefined ? toySentiment(options.seed, madeUp) : await readFolder(options.data);
    const words = (text: string): string[] => text.split(" ").filter(Boolean);
    const vocabulary = Vocabulary.build(
      data.train.flatMap((r) => words(r.text)),
      {
        specials,
        unknown,
        minCount: options.minCount,
      },
    );
    const encode = (rows: readonly LabelledText[]): LabelledIds[] =>
      rows.map(({ text, label }) => ({ ids: vocabulary.encode(words(text)), label }));
    const [training, validation, test] = [encode(data.train), encode(data.validation), encode(data.test)];

    const generator = new Generator(options.seed);
    const model = makeModel(options, vocabulary.size, generator);
    const criterion = new LabelSmoothingLoss({ numClasses: 2, smoothing: options.smoothing });
    const optimizer = new AdamW(model.parameters(), {
      lr: options.lr,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: options.weightDecay,
    });
    const perEpoch = Math.ceil(training.length / options.batch);
    const steps = options.epochs * perEpoch;
    const parameters = [...model.parameters()].reduce((n, p) => n + p.numel, 0);
    describe({ sentences: training.length, vocabulary: vocabulary.size, parameters, steps });

    const lengths = training.map((r) => Math.min(r.ids.length, options.longest - 1));
    const batchOf = batchesByStep(options.seed, perEpoch, (random) =>
      lengthBuckets(lengths, options.batch, { random }),
    );

    await train({
      context: { run },
      steps,
      unit: "words",
      evaluateEvery: perEpoch,
      step: (index) => {
        const schedule = { lr: options.lr, minLr: options.lr / 10, warmup: options.warmup, steps };
        const lr = warmupCosineAt(index, schedule);
        setRate(optimizer, lr);
        let loss: Tensor | undefined;
        let tokens = 0;
        for (let k = 0; k < options.accumulate; k++) {
          const rows = batchOf(index * options.accumulate + k).map((i) => training[i]!);
          const batch = predict(model, rows, vocabulary, options.longest);
          const part = criterion.forward(batch.logits, batch.labels).div(options.accumulate);
          part.backward();
          loss = loss ? loss.add(part) : part;
          tokens += batch.tokens;
        }
        keep(loss!);
        clipGradNorm(model.parameters(), options.clip);
        optimizer.step();
        optimizer.zeroGrad();
        return { loss: loss!, tokens, extra: { lr } };
      },
      evaluate: async (each) => ({ accuracy: await score(model, validation, vocabulary, options.longest, each) }),
      test: async (each) => ({ accuracy: await score(model, test, vocabulary, options.longest, each) }),
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
  },

  async use({ options, words, trained, print }) {
    const folder = join(trained.checkpoint, "state");
    const vocabulary = Vocabulary.fromJSON((await loadCheckpoint(folder)).vocabulary);
    const model = makeModel(trained.options, vocabulary.size, new Generator(options.seed));
    await loadCheckpoint(folder, { into: { model } });
    model.eval();
    const ids = vocabulary.encode(words.join(" ").toLowerCase().split(/\s+/).filter(Boolean));
    const { logits } = noGrad(() => predict(model, [{ ids, label: 0 }], vocabulary, trained.options.longest));
    const [negative, positive] = await logits.softmax(-1).data();
    print(
      `${positive! > negative! ? "positive" : "negative"} (${(100 * Math.max(positive!, negative!)).toFixed(1)} %)`,
    );
  },
});
