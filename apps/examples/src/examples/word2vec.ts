// word2vec: skip-gram with negative sampling (Mikolov et al. 2013). Gradients are row-sparse: a step costs what its
// batch costs, however many words there are.
import { join } from "node:path";
import { Word2VecLoss } from "@torchium/losses";
import {
  countIds,
  keepProbabilities,
  NegativeSampler,
  SeededRandom,
  skipGramPairs,
  tokenLines,
  Vocabulary,
  Word2VecModel,
} from "@torchium/nlp-models";
import { SGD } from "@torchium/optim";
import { compile, fromTypedArray, Generator, keep, type Tensor, TensorError } from "@torchium/tensor";
import { loadCheckpoint, saveCheckpoint } from "@torchium/tensor/io";
import { integer, number, path } from "../cli/option.js";
import { defineExample } from "../example.js";
import { setRate } from "../schedule.js";
import { train } from "../training-loop.js";
import { lookUp, lookUpInput, lookUpOptions, readBenchmarks, readCorpus, scorer } from "../word-vectors.js";

export const word2vec = defineExample({
  name: "word2vec",
  title: "word vectors by skip-gram with negative sampling (row-sparse SGD)",
  data: "a text file, one sentence a line, words separated by spaces; without it, made-up sentences",
  options: {
    width: integer({ min: 1, help: "numbers in a word's vector", default: 100 }),
    minCount: integer({ min: 1, help: "rarer words are left out", default: 5 }),
    window: integer({ min: 1, help: "largest distance between the words of a pair", default: 5 }),
    negatives: integer({ min: 1, help: "random words against each pair", default: 5 }),
    sample: number({ min: 0, aboveMin: true, help: "share from which on words are thinned out", default: 1e-3 }),
    batch: integer({ min: 1, help: "pairs a step", default: 1024 }),
    epochs: integer({ min: 1, help: "passes over the text", default: 5 }),
    lr: number({ min: 0, aboveMin: true, help: "learning rate, falling to 0", default: 0.025 }),
    wordsim: path({ placeholder: "DIR", help: "folder of word-similarity lists to score the vectors by" }),
  },
  useOptions: lookUpOptions,
  input: lookUpInput,

  async train({ options, run, describe }) {
    const { vocabulary, lines } = await readCorpus("word2vec", options);
    const benchmarks = await readBenchmarks(vocabulary, options);
    const corpus = tokenLines(lines);
    const counts = countIds(corpus.ids, vocabulary.size);
    const keepEach = keepProbabilities(counts, options.sample);
    const sampler = new NegativeSampler(counts);
    const pairsOf = (epoch: number) => {
      const random = new SeededRandom(options.seed * 1_000_003 + epoch);
      return { epoch, ...skipGramPairs(corpus, { random, window: options.window, keep: keepEach }) };
    };

    // Epochs differ a little in their number of pairs; all are cut into as many batches as the first.
    let pairs = pairsOf(0);
    const perEpoch = Math.ceil(pairs.targetWords.length / options.batch);
    const steps = options.epochs * perEpoch;
    if (perEpoch === 0) {
      const message = `word2vec: the text is too small, got no pairs from ${corpus.ids.length} words`;
      throw new TensorError("argument", message, { words: corpus.ids.length });
    }
    const batchOf = (step: number) => {
      const epoch = Math.floor(step / perEpoch);
      if (pairs.epoch !== epoch) pairs = pairsOf(epoch);
      const part = (words: Int32Array): Int32Array => {
        const at = (batch: number): number => Math.round((batch * words.length) / perEpoch);
        return words.slice(at(step % perEpoch), at((step % perEpoch) + 1));
      };
      return { target: part(pairs.targetWords), context: part(pairs.contextWords) };
    };

    const generator = new Generator(options.seed);
    const model = new Word2VecModel({
      vocabSize: vocabulary.size,
      embeddingDim: options.width,
      sparse: true,
      generator,
    });
    // The sum of all pairs, as in the paper: the rate is that of one pair.
    const criterion = new Word2VecLoss({ reduction: "sum" });
    const optimizer = new SGD(model.parameters(), { lr: options.lr });
    describe({ words: corpus.ids.length, vocabulary: vocabulary.size, pairs: pairs.targetWords.length, steps });
    // Targets and candidates of one batch or more, [pairs] and [pairs, 1 + negatives].
    const learn = compile((...batches: readonly Tensor[]): Tensor => {
      let loss: Tensor | undefined;
      for (let k = 0; k < batches.length; k += 2) {
        const part = criterion.ofScores(model.scores(batches[k]!, batches[k + 1]!));
        part.backward();
        loss = loss ? loss.add(part) : part;
      }
      keep(loss!);
      optimizer.step();
      optimizer.zeroGrad();
      return loss!;
    });
    const evaluate = scorer(vocabulary, benchmarks, () => model.vectors());

    await train({
      context: { run },
      steps,
      unit: "pairs",
      step: (index) => {
        const lr = options.lr * Math.max(1e-4, 1 - index / steps);
        setRate(optimizer, lr);
        // Behind the seeds that the epochs use.
        const random = new SeededRandom(options.seed * 1_000_003 + steps + index);
        const batches: Tensor[] = [];
        let tokens = 0;
        for (let k = 0; k < options.accumulate; k++) {
          const { target, context } = batchOf(index * options.accumulate + k);
          const { data, shape } = sampler.candidates(context, options.negatives, random);
          batches.push(fromTypedArray(target, [target.length]), fromTypedArray(data, shape));
          tokens += target.length;
        }
        return { loss: learn(...batches).div(tokens), tokens, extra: { lr } };
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
    const model = new Word2VecModel({ vocabSize: vocabulary.size, embeddingDim: context.trained.options.width });
    await loadCheckpoint(folder, { into: { model } });
    await lookUp("word2vec", context, vocabulary, await model.vectors());
  },
});
