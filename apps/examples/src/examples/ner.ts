// A named-entity recogniser: a bidirectional LSTM scores the tags of every word, a CRF finds the best sequence of them.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CRFLoss } from "@torchium/losses";
import {
  collateTagging,
  conll,
  conllLayouts,
  dropWords,
  entities,
  entityF1,
  type IdBlock,
  lengthBuckets,
  NERModel,
  SeededRandom,
  splitWords,
  type TaggedSentence,
  Vocabulary,
} from "@torchium/nlp-models";
import { AdamW, clipGradNorm } from "@torchium/optim";
import { fromTypedArray, Generator, keep, noGrad, type Tensor, TensorError } from "@torchium/tensor";
import { loadCheckpoint, saveCheckpoint } from "@torchium/tensor/io";
import { integer, number } from "../cli/option.js";
import { toyEntities } from "../data/toy-entities.js";
import { batchesByStep } from "../epochs.js";
import { defineExample } from "../example.js";
import { type EachBatch, train } from "../training-loop.js";

const specials = ["<pad>", "<unk>"] as const;
const [, unknown] = specials;
const evaluationBatch = 128;

const modelOptions = {
  width: integer({ min: 1, help: "width of a word's vector", default: 128 }),
  hidden: integer({ min: 1, help: "width of the LSTM in each direction", default: 256 }),
  dropout: number({ min: 0, max: 1, help: "share of activations dropped in training", default: 0.3 }),
} as const;

type ModelOptions = { readonly [K in keyof typeof modelOptions]: number };

/** The LSTM that scores tags, and the CRF over its scores. */
function makeTagger(options: ModelOptions, words: Vocabulary, tags: Vocabulary, generator: Generator) {
  const model = new NERModel({
    vocabSize: words.size,
    numTags: tags.size,
    embeddingDim: options.width,
    hiddenDim: options.hidden,
    dropout: options.dropout,
    generator,
  });
  return { model, criterion: new CRFLoss({ numTags: tags.size, generator }), words, tags };
}

type Tagger = ReturnType<typeof makeTagger>;

const toTensor = ({ data, shape }: IdBlock): Tensor => fromTypedArray(data, shape);

/** The ids of words; the vocabulary is lower-case. */
const encode = ({ words }: Tagger, tokens: readonly string[]): number[] =>
  words.encode(tokens.map((token) => token.toLowerCase()));

/** The likeliest tags of sentences. */
async function tag(
  tagger: Tagger,
  sentences: readonly (readonly string[])[],
  each: EachBatch = (all) => all,
): Promise<string[][]> {
  const { model, criterion, tags } = tagger;
  const found: string[][] = sentences.map(() => []);
  const lengths = sentences.map((tokens) => tokens.length);
  model.eval();
  for (const at of each(lengthBuckets(lengths, evaluationBatch))) {
    const rows = at.map((i) => encode(tagger, sentences[i]!));
    const batch = collateTagging(rows.map((ids) => ({ ids, tags: ids.map(() => 0) })));
    const mask = toTensor(batch.attentionMask);
    const paths = await noGrad(() => criterion.decode(model.forward(toTensor(batch.inputIds), mask), mask)).data();
    const length = batch.inputIds.shape[1]!;
    at.forEach((i, row) => {
      found[i] = tags.decode(Array.from(paths.subarray(row * length, row * length + lengths[i]!), Number));
    });
  }
  model.train();
  return found;
}

/** Precision, recall and F1 of whole entities, in percent. */
async function score(tagger: Tagger, sentences: readonly TaggedSentence[], each: EachBatch) {
  const predicted = await tag(
    tagger,
    sentences.map(({ tokens }) => tokens),
    each,
  );
  const gold = sentences.map(({ tags }) => tags);
  const { precision, recall, f1 } = entityF1(predicted, gold);
  return { f1: 100 * f1, precision: 100 * precision, recall: 100 * recall };
}

/** The three parts of a folder, in one of the two layouts. @throws TensorError `file`, `format` */
async function readFolder(folder: string) {
  const layouts = { iob2: conllLayouts.universalNer, conll: conllLayouts.tokenTag } as const;
  const extension = (["iob2", "conll"] as const).find((known) => existsSync(join(folder, `train.${known}`)));
  if (extension === undefined) {
    const message = `ner: no training data, got ${folder}, expected a folder with train.iob2 or train.conll`;
    throw new TensorError("file", message, { folder });
  }
  const read = (part: string) => conll(layouts[extension]).read(join(folder, `${part}.${extension}`));
  return { train: await read("train"), validation: await read("dev"), test: await read("test") };
}

export const ner = defineExample({
  name: "ner",
  title: "a named-entity recogniser (BiLSTM, CRF, Viterbi)",
  data: "a folder with train, dev and test as .iob2 or .conll; without it, made-up news",
  options: {
    ...modelOptions,
    wordDropout: number({ min: 0, max: 1, help: "share of training words made unknown", default: 0.1 }),
    batch: integer({ min: 1, help: "sentences a step", default: 32 }),
    epochs: integer({ min: 1, help: "passes over the sentences", default: 8 }),
    lr: number({ min: 0, aboveMin: true, help: "learning rate", default: 1e-3 }),
    weightDecay: number({ min: 0, help: "weight decay", default: 1e-4 }),
    clip: number({ min: 0, aboveMin: true, help: "largest norm of the gradient", default: 1 }),
  },
  useOptions: {},
  input: "a sentence to tag",

  async train({ options, run, describe }) {
    const data = options.data === undefined ? toyEntities(options.seed) : await readFolder(options.data);
    const vocabulary = Vocabulary.build(
      data.train.flatMap(({ tokens }) => tokens.map((token) => token.toLowerCase())),
      { specials, unknown },
    );
    const tags = new Vocabulary([...new Set(data.train.flatMap((sentence) => sentence.tags))].sort());
    const generator = new Generator(options.seed);
    const tagger = makeTagger(options, vocabulary, tags, generator);
    const { model, criterion } = tagger;
    const parameters = [...model.parameters(), ...criterion.parameters()];
    const optimizer = new AdamW(parameters, { lr: options.lr, weightDecay: options.weightDecay });
    const perEpoch = Math.ceil(data.train.length / options.batch);
    const steps = options.epochs * perEpoch;
    describe({
      sentences: data.train.length,
      vocabulary: vocabulary.size,
      tags: tags.size,
      parameters: parameters.reduce((n, p) => n + p.numel, 0),
      steps,
    });

    const training = data.train.map((sentence) => ({
      ids: encode(tagger, sentence.tokens),
      tags: tags.encode(sentence.tags),
    }));
    const lengths = training.map(({ ids }) => ids.length);
    const batchOf = batchesByStep(options.seed, perEpoch, (random) =>
      lengthBuckets(lengths, options.batch, { random }),
    );
    const unknownId = vocabulary.idOf(unknown);

    await train({
      context: { run },
      steps,
      unit: "words",
      evaluateEvery: perEpoch,
      step: (index) => {
        // Behind the seeds that the epochs use.
        const random = new SeededRandom(options.seed * 1_000_003 + steps + index);
        let loss: Tensor | undefined;
        let tokens = 0;
        for (let k = 0; k < options.accumulate; k++) {
          const rows = batchOf(index * options.accumulate + k).map((i) => training[i]!);
          const batch = collateTagging(
            rows.map((row) => ({ ...row, ids: dropWords(row.ids, options.wordDropout, unknownId, random) })),
          );
          const mask = toTensor(batch.attentionMask);
          const emissions = model.forward(toTensor(batch.inputIds), mask); // [batch, length, tags]
          const part = criterion.forward(emissions, toTensor(batch.tags), mask).div(options.accumulate);
          part.backward();
          loss = loss ? loss.add(part) : part;
          tokens += rows.reduce((n, { ids }) => n + ids.length, 0);
        }
        keep(loss!);
        clipGradNorm(parameters, options.clip);
        optimizer.step();
        optimizer.zeroGrad();
        return { loss: loss!, tokens };
      },
      evaluate: (each) => score(tagger, data.validation, each),
      test: (each) => score(tagger, data.test, each),
      save: (folder) =>
        saveCheckpoint(join(folder, "state"), {
          model,
          criterion,
          optimizer,
          generator,
          vocabulary: vocabulary.toJSON() as never,
          tags: tags.toJSON() as never,
        }),
      load: async (folder) => {
        await loadCheckpoint(join(folder, "state"), { into: { model, criterion, optimizer, generator } });
      },
    });
  },

  async use({ options, words, trained, print }) {
    const folder = join(trained.checkpoint, "state");
    const stored = await loadCheckpoint(folder);
    const [vocabulary, tags] = [Vocabulary.fromJSON(stored.vocabulary), Vocabulary.fromJSON(stored.tags)];
    const tagger = makeTagger(trained.options, vocabulary, tags, new Generator(options.seed));
    await loadCheckpoint(folder, { into: { model: tagger.model, criterion: tagger.criterion } });
    const tokens = splitWords(words.join(" "));
    if (tokens.length === 0) {
      throw new TensorError("argument", "ner: there is nothing to tag, got no words, expected a sentence");
    }
    const [found] = (await tag(tagger, [tokens])) as [string[]];
    const widest = Math.max(...tokens.map((token) => token.length));
    tokens.forEach((token, i) => {
      print(`${token.padEnd(widest)}  ${found[i]}`);
    });
    for (const { type, start, end } of entities(found)) print(`${type}: ${tokens.slice(start, end).join(" ")}`);
  },
});
