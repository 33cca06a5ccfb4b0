// GloVe: word vectors fitted to how often words stand near each other (Pennington et al. 2014). Gradients are
// row-sparse: a step touches the rows of its pairs.
import { join } from "node:path";
import { GloVeLoss } from "@torchium/losses";
import {
  type CooccurrenceBatch,
  cooccurrenceBatches,
  countCooccurrences,
  GloVeModel,
  SeededRandom,
  Vocabulary,
} from "@torchium/nlp-models";
import { Adagrad, SparseAdam } from "@torchium/optim";
import { fromTypedArray, Generator, keep, type Tensor, TensorError } from "@torchium/tensor";
import { loadCheckpoint, saveCheckpoint } from "@torchium/tensor/io";
import { choice, integer, number, path } from "../cli/option.js";
import { defineExample } from "../example.js";
import { train } from "../training-loop.js";
import { lookUp, lookUpInput, lookUpOptions, readBenchmarks, readCorpus, scorer } from "../word-vectors.js";

const vectorOf = (data: Int32Array | Float32Array): Tensor => fromTypedArray(data, [data.length]);

export const glove = defineExample({
  name: "glove",
  title: "word vectors from co-occurrence counts (SparseAdam or AdaGrad)",
  data: "a text file, one sentence a line, words separated by spaces; without it, made-up sentences",
  options: {
    width: integer({ min: 1, help: "numbers in a word's vector", default: 50 }),
    minCount: integer({ min: 1, help: "rarer words are left out", default: 5 }),
    window: integer({ min: 1, help: "words counted to either side", default: 10 }),
    xMax: number({ min: 0, aboveMin: true, help: "count from which a pair has the full weight", default: 10 }),
    alpha: number({ min: 0, aboveMin: true, help: "how fast the weight falls below it", default: 0.75 }),
    batch: integer({ min: 1, help: "pairs a step", default: 4096 }),
    epochs: integer({ min: 1, help: "passes over the pairs", default: 15 }),
    optimizer: choice(["sparse-adam", "adagrad"], { help: "how rows are updated", default: "sparse-adam" }),
    lr: number({ min: 0, aboveMin: true, help: "learning rate; 0.01 for sparse-adam, 0.2 for adagrad" }),
    wordsim: path({ placeholder: "DIR", help: "folder of word-similarity lists to score the vectors by" }),
  },
  useOptions: lookUpOptions,
  input: lookUpInput,

  async train({ options, run, describe }) {
    const { vocabulary, lines } = await readCorpus("glove", options);
    const benchmarks = await readBenchmarks(vocabulary, options);
    const pairs = countCooccurrences(lines, { vocabSize: vocabulary.size, window: options.window });
    const count = pairs.counts.length;
    if (count === 0) throw new TensorError("argument", "glove: the text is too small, no two words share a line");
    const perEpoch = Math.ceil(count / options.batch);
    const steps = options.epochs * perEpoch;

    const generator = new Generator(options.seed);
    const model = new GloVeModel({ vocabSize: vocabulary.size, embeddingDim: options.width, sparse: true, generator });
    const criterion = new GloVeLoss({ xMax: options.xMax, alpha: options.alpha, reduction: "sum" });
    const optimizer =
      options.optimizer === "adagrad"
        ? new Adagrad(model.parameters(), { lr: options.lr ?? 0.2, initialAccumulatorValue: 1 })
        : new SparseAdam(model.parameters(), { lr: options.lr ?? 0.01 });
    describe({ vocabulary: vocabulary.size, pairs: count, steps });

    let epoch = { index: -1, drawn: 0, batches: cooccurrenceBatches(pairs, options.batch, new SeededRandom(0)) };
    /** The batch of a step. Batches of an epoch come in order, so a resumed run passes over those it has had. */
    const batchOf = (step: number): CooccurrenceBatch => {
      const [index, wanted] = [Math.floor(step / perEpoch), step % perEpoch];
      if (epoch.index !== index) {
        const random = new SeededRandom(options.seed * 1_000_003 + index);
        epoch = { index, drawn: 0, batches: cooccurrenceBatches(pairs, options.batch, random) };
      }
      for (; epoch.drawn < wanted; epoch.drawn++) epoch.batches.next();
      epoch.drawn++;
      return epoch.batches.next().value as CooccurrenceBatch;
    };
    const evaluate = scorer(vocabulary, benchmarks, () => model.vectors());

    await train({
      context: { run },
      steps,
      unit: "pairs",
      evaluateEvery: perEpoch,
      step: (index) => {
        let loss: Tensor | undefined;
        let tokens = 0;
        for (let k = 0; k < options.accumulate; k++) {
          const batch = batchOf(index * options.accumulate + k);
          const [target, context] = [vectorOf(batch.targetWords), vectorOf(batch.contextWords)];
          const outputs = model.forward(target, context, vectorOf(batch.cooccurrenceCounts));
          // Half the squares, as in the authors' program: where AdaGrad starts is set for that.
          const part = criterion.forward(...outputs).mul(0.5);
          part.backward();
          loss = loss ? loss.add(part) : part;
          tokens += target.numel;
        }
        const perPair = keep(loss!.div(tokens));
        optimizer.step();
        optimizer.zeroGrad();
        return { loss: perPair, tokens };
      },
      ...(evaluate && { evaluate }),
      save: (folder) =>
        saveCheckpoint(join(folder, "state"), { model, optimizer, vocabulary: vocabulary.toJSON() as never }),
      load: async (folder) => {
        await loadCheckpoint(join(folder, "state"), { into: { model, optimizer } });
      },
    });
  },

  async use(context) {
    const folder = join(context.trained.checkpoint, "state");
    const vocabulary = Vocabulary.fromJSON((await loadCheckpoint(folder)).vocabulary);
    const model = new GloVeModel({ vocabSize: vocabulary.size, embeddingDim: context.trained.options.width });
    await loadCheckpoint(folder, { into: { model } });
    await lookUp("glove", context, vocabulary, await model.vectors());
  },
});
