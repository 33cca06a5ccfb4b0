// One encoder for three tasks, each with its own data: the sentiment of a sentence, its named entities, and whether it is
// an opinion. PCGrad settles where their gradients disagree; learned variances weigh their losses.
import { join } from "node:path";
import { CRFLoss, CrossEntropyLoss, UncertaintyWeightingLoss } from "@torchium/losses";
import {
  accuracy,
  entities,
  entityF1,
  lengthBuckets,
  type MultiTaskName,
  MultiTaskNLPModel,
  multiTaskNames,
  padRows,
  splitWords,
  Vocabulary,
} from "@torchium/nlp-models";
import { Adam, PCGrad } from "@torchium/optim";
import { fromTypedArray, Generator, keep, noGrad, stack, type Tensor, TensorError } from "@torchium/tensor";
import { loadCheckpoint, saveCheckpoint } from "@torchium/tensor/io";
import { choice, integer, number } from "../cli/option.js";
import { type ByTask, classNames, partOf, readTasks, type Sentence } from "../data/task-sentences.js";
import { batchesByStep } from "../epochs.js";
import { defineExample } from "../example.js";
import { setRate, warmupCosineAt } from "../schedule.js";
import { type EachBatch, train } from "../training-loop.js";

const specials = ["<pad>", "<unk>", "<cls>"] as const;
const [padding, unknown, begin] = specials;
const evaluationBatch = 128;

const modelOptions = {
  layers: integer({ min: 1, help: "encoder layers", default: 2 }),
  heads: integer({ min: 1, help: "attention heads", default: 4 }),
  width: integer({ min: 1, help: "model width, a multiple of the heads", default: 128 }),
  feedforward: integer({ min: 1, help: "width inside the feed-forward network", default: 512 }),
  longest: integer({ min: 2, help: "words of a sentence that are read, [CLS] counted", default: 128 }),
  dropout: number({ min: 0, max: 1, help: "share of activations dropped in training", default: 0.1 }),
} as const;

type ModelOptions = { readonly [K in keyof typeof modelOptions]: number };

/** The model, the CRF over its tags, and what ids and labels mean. */
function makeSystem(o: ModelOptions, words: Vocabulary, tags: Vocabulary, generator: Generator) {
  const model = new MultiTaskNLPModel({
    vocabSize: words.size,
    dModel: o.width,
    nhead: o.heads,
    numLayers: o.layers,
    dimFeedforward: o.feedforward,
    maxLen: o.longest,
    dropout: o.dropout,
    numClasses: classNames.classification.length,
    numTags: tags.size,
    numAnswers: classNames.qa.length,
    generator,
  });
  const labels: ByTask<Vocabulary> = {
    classification: new Vocabulary(classNames.classification),
    ner: tags,
    qa: new Vocabulary(classNames.qa),
  };
  return { model, crf: new CRFLoss({ numTags: tags.size, generator }), words, labels, wordsRead: o.longest - 1 };
}

type System = ReturnType<typeof makeSystem>;

const encode = ({ words, wordsRead }: System, tokens: readonly string[]): number[] =>
  words.encode(tokens.slice(0, wordsRead).map((token) => token.toLowerCase()));

/** Rows side by side, and their mask: both [rows, length]. */
function padded(rows: readonly (readonly number[])[], value = 0): { readonly ids: Tensor; readonly mask: Tensor } {
  const { ids, attentionMask } = padRows(rows, { value });
  return { ids: fromTypedArray(ids.data, ids.shape), mask: fromTypedArray(attentionMask.data, attentionMask.shape) };
}

/** Sentences as the model reads them: [CLS], then the words. */
const inputs = ({ words }: System, sentences: readonly (readonly number[])[]) =>
  padded(
    sentences.map((ids) => [words.idOf(begin), ...ids]),
    words.idOf(padding),
  );

/** Without the place of [CLS], which has no tag. */
const afterBegin = (x: Tensor): Tensor => x.narrow(1, 1, x.shape[1]! - 1);

/** A task's loss on some sentences; `targets` holds a tag for each id, or one class. */
function lossOf(
  system: System,
  task: MultiTaskName,
  rows: readonly { readonly ids: readonly number[]; readonly targets: readonly number[] }[],
): Tensor {
  const { ids, mask } = inputs(
    system,
    rows.map((row) => row.ids),
  );
  const targets = padded(rows.map((row) => row.targets)).ids;
  const scores = system.model.forward(ids, mask, task); // [batch, 2] or [batch, length, tags]
  if (task === "ner") return system.crf.forward(afterBegin(scores), targets, afterBegin(mask));
  return new CrossEntropyLoss().forward(scores, targets.select(1, 0));
}

/** The likeliest labels of each sentence; words behind those that are read are no entity. */
async function predict(
  system: System,
  task: MultiTaskName,
  sentences: readonly Sentence[],
  each: EachBatch = (all) => all,
): Promise<string[][]> {
  const { model, crf, labels } = system;
  const found = sentences.map((sentence) => sentence.labels.map(() => "O"));
  const lengths = sentences.map(({ tokens }) => tokens.length);
  model.eval();
  for (const at of each(lengthBuckets(lengths, evaluationBatch))) {
    const rows = at.map((i) => encode(system, sentences[i]!.tokens));
    const best = noGrad(() => {
      const { ids, mask } = inputs(system, rows);
      const scores = model.forward(ids, mask, task);
      return task === "ner" ? crf.decode(afterBegin(scores), afterBegin(mask)) : scores.argmax(-1);
    });
    const data = await best.data();
    const width = data.length / at.length;
    at.forEach((i, row) => {
      const known = Array.from(data.subarray(row * width, (row + 1) * width), Number).filter((label) => label >= 0);
      found[i]!.splice(0, known.length, ...labels[task].decode(known));
    });
  }
  model.train();
  return found;
}

/** Accuracies, and F1 of whole entities, in percent. */
async function score(system: System, sentences: ByTask<readonly Sentence[]>, each: EachBatch) {
  const right = async (task: "classification" | "qa"): Promise<number> => {
    const found = await predict(system, task, sentences[task], each);
    const truth = sentences[task].flatMap(({ labels }) => labels);
    return 100 * accuracy(system.labels[task].encode(found.flat()), system.labels[task].encode(truth));
  };
  const tagged = await predict(system, "ner", sentences.ner, each);
  const { f1 } = entityF1(
    tagged,
    sentences.ner.map(({ labels }) => labels),
  );
  return { sentiment: await right("classification"), f1: 100 * f1, subjectivity: await right("qa") };
}

export const multitask = defineExample({
  name: "multitask",
  title: "sentiment, entities and subjectivity on one encoder (PCGrad)",
  data: "a folder with polarity, ner-wnut17 and subjectivity, of train, dev and test each; without it, made-up sentences",
  options: {
    ...modelOptions,
    method: choice(["pcgrad", "sum"], { help: "how the tasks' gradients become one", default: "pcgrad" }),
    minCount: integer({ min: 1, help: "rarer words are unknown", default: 2 }),
    batch: integer({ min: 1, help: "sentences of each task a step", default: 32 }),
    epochs: integer({ min: 1, help: "passes over the sentences of the first task", default: 4 }),
    lr: number({ min: 0, aboveMin: true, help: "highest learning rate", default: 1e-3 }),
    warmup: integer({ min: 0, help: "steps of linear warm-up", default: 100 }),
  },
  useOptions: {},
  input: "a sentence to judge and to tag",

  async train({ options, run, describe, print }) {
    const data = await readTasks(options.data, options.seed);
    const training = partOf(data, "train");
    const vocabulary = Vocabulary.build(
      multiTaskNames.flatMap((task) => training[task].flatMap(({ tokens }) => tokens.map((t) => t.toLowerCase()))),
      { specials, unknown, minCount: options.minCount },
    );
    const tags = new Vocabulary([...new Set(training.ner.flatMap(({ labels }) => labels))].sort());

    const generator = new Generator(options.seed);
    const system = makeSystem(options, vocabulary, tags, generator);
    const { model, crf } = system;
    const weighting = new UncertaintyWeightingLoss({ numTasks: multiTaskNames.length });
    const parameters = [model, crf, weighting].flatMap((module) => [...module.parameters()]);
    const adam = new Adam(parameters, { lr: options.lr });
    const optimizer = options.method === "pcgrad" ? new PCGrad(adam, { generator }) : adam;
    const perEpoch = Math.ceil(training.classification.length / options.batch);
    const steps = options.epochs * perEpoch;
    describe({
      sentences: multiTaskNames.reduce((n, task) => n + training[task].length, 0),
      vocabulary: vocabulary.size,
      tags: tags.size,
      parameters: parameters.reduce((n, p) => n + p.numel, 0),
      steps,
    });

    // Every task goes through its own sentences at its own pace, a batch a step.
    const feeds = multiTaskNames.map((task, k) => {
      const rows = training[task].map(({ tokens, labels }) => ({
        ids: encode(system, tokens),
        targets: system.labels[task].encode(labels.slice(0, system.wordsRead)),
      }));
      const lengths = rows.map(({ ids }) => ids.length);
      const batchOf = batchesByStep(options.seed + k, Math.ceil(rows.length / options.batch), (random) =>
        lengthBuckets(lengths, options.batch, { random }),
      );
      return { task, batch: (step: number) => batchOf(step).map((i) => rows[i]!) };
    });

    await train({
      context: { run },
      steps,
      unit: "words",
      evaluateEvery: perEpoch,
      step: (index) => {
        const lr = warmupCosineAt(index, { lr: options.lr, minLr: options.lr / 10, warmup: options.warmup, steps });
        setRate(optimizer, lr);
        let loss: Tensor | undefined;
        let words = 0;
        for (let k = 0; k < options.accumulate; k++) {
          const batches = feeds.map(({ task, batch }) => ({ task, rows: batch(index * options.accumulate + k) }));
          const losses = weighting
            .weighted(batches.map(({ task, rows }) => lossOf(system, task, rows)))
            .map((each) => each.div(options.accumulate));
          const part = stack(losses).sum();
          if (optimizer instanceof PCGrad) optimizer.pcBackward(losses);
          else part.backward();
          loss = loss ? loss.add(part) : part;
          words += batches.flatMap(({ rows }) => rows).reduce((n, { ids }) => n + ids.length, 0);
        }
        keep(loss!);
        optimizer.step();
        optimizer.zeroGrad();
        return { loss: loss!, tokens: words, extra: { lr } };
      },
      evaluate: (each) => score(system, partOf(data, "validation"), each),
      test: (each) => score(system, partOf(data, "test"), each),
      save: (folder) =>
        saveCheckpoint(join(folder, "state"), {
          model,
          crf,
          weighting,
          optimizer,
          generator,
          vocabulary: vocabulary.toJSON() as never,
          tags: tags.toJSON() as never,
        }),
      load: async (folder) => {
        await loadCheckpoint(join(folder, "state"), { into: { model, crf, weighting, optimizer, generator } });
      },
    });
    const weights = Array.from(await weighting.logVariances.data(), (v) => Math.exp(-Number(v)).toFixed(2));
    print(`learned weights of the losses: sentiment ${weights[0]}, entities ${weights[1]}, subjectivity ${weights[2]}`);
  },

  async use({ options, words, trained, print }) {
    const folder = join(trained.checkpoint, "state");
    const stored = await loadCheckpoint(folder);
    const [vocabulary, tags] = [Vocabulary.fromJSON(stored.vocabulary), Vocabulary.fromJSON(stored.tags)];
    const system = makeSystem(trained.options, vocabulary, tags, new Generator(options.seed));
    const { model, crf, labels, wordsRead } = system;
    await loadCheckpoint(folder, { into: { model, crf } });
    model.eval();
    const tokens = splitWords(words.join(" "));
    if (tokens.length === 0 || tokens.length > wordsRead) {
      const message = `multitask: the sentence is empty or too long, got ${tokens.length} words, expected 1 to ${wordsRead}`;
      throw new TensorError("argument", message, { words: tokens.length });
    }
    const { ids, mask } = inputs(system, [encode(system, tokens)]);
    const answers = noGrad(() => model.forward(ids, mask)); // all three from one pass of the encoder
    for (const task of ["classification", "qa"] as const) {
      const shares = Array.from(await answers[task].softmax(-1).data(), Number);
      const best = shares.indexOf(Math.max(...shares));
      print(`${labels[task].tokenOf(best)} (${(100 * shares[best]!).toFixed(1)} %)`);
    }
    const path = await noGrad(() => crf.decode(afterBegin(answers.ner), afterBegin(mask))).data();
    const found = tags.decode(Array.from(path, Number));
    const widest = Math.max(...tokens.map((token) => token.length));
    tokens.forEach((token, i) => {
      print(`${token.padEnd(widest)}  ${found[i]}`);
    });
    for (const { type, start, end } of entities(found)) print(`${type}: ${tokens.slice(start, end).join(" ")}`);
  },
});
