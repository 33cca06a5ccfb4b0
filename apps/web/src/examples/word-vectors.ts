// Word vectors by skip-gram with negative sampling: words that occur in the same company get similar vectors.

import { setRate } from "@torchium/examples/schedule";
import { Word2VecLoss } from "@torchium/losses";
import {
  countIds,
  NegativeSampler,
  SeededRandom,
  skipGramPairs,
  splitWhitespace,
  tokenLines,
  Vocabulary,
  Word2VecModel,
  WordVectors,
} from "@torchium/nlp-models";
import { Adam } from "@torchium/optim";
import { fromTypedArray, Generator, TensorError } from "@torchium/tensor";
import { type Begin, parameterCount, type Run } from "./run.js";

const sizes = {
  tiny: { width: 16, batch: 256 },
  small: { width: 32, batch: 512 },
  medium: { width: 100, batch: 1024 },
} as const;
const window = 4;
const negativesEach = 5;
const shownWords = 5;
const neighbours = 5;

/** Finds words that are used alike. */
export const beginWordVectors: Begin = ({ text, size, steps, seed }): Run => {
  const { width, batch } = sizes[size];
  const sentences = text.toLowerCase().split(/\r?\n/).map(splitWhitespace);
  const vocabulary = Vocabulary.build(sentences.flat(), { minCount: 2 });
  const corpus = tokenLines(sentences.map((words) => vocabulary.encodeKnown(words)));
  const pairsOf = (epoch: number) => {
    const random = new SeededRandom(seed * 1_000_003 + epoch);
    return { epoch, ...skipGramPairs(corpus, { random, window }) };
  };
  let pairs = pairsOf(0);
  const perEpoch = Math.ceil(pairs.targetWords.length / batch);
  if (perEpoch === 0) {
    const message = `word vectors: the text is too short, got ${vocabulary.size} words that occur twice and no pairs of them`;
    throw new TensorError("argument", message, { words: vocabulary.size });
  }
  const batchOf = (step: number) => {
    const epoch = Math.floor(step / perEpoch);
    if (pairs.epoch !== epoch) pairs = pairsOf(epoch);
    // Epochs differ a little in their number of pairs; all are cut into as many batches.
    const part = (words: Int32Array): Int32Array => {
      const at = (k: number): number => Math.round((k * words.length) / perEpoch);
      return words.slice(at(step % perEpoch), at((step % perEpoch) + 1));
    };
    return { targets: part(pairs.targetWords), contexts: part(pairs.contextWords) };
  };

  const counts = countIds(corpus.ids, vocabulary.size);
  const sampler = new NegativeSampler(counts);
  const generator = new Generator(seed);
  const model = new Word2VecModel({ vocabSize: vocabulary.size, embeddingDim: width, generator });
  const criterion = new Word2VecLoss({});
  const optimizer = new Adam(model.parameters(), { lr: 0.02 });
  const table = async (): Promise<WordVectors> => new WordVectors(await model.vectors(), vocabulary);
  const describe = async (word: string): Promise<string> => {
    const near = (await table()).nearest(word, neighbours);
    return `${word}: ${near.map((n) => `${n.word} ${n.similarity.toFixed(2)}`).join(", ")}`;
  };
  const frequent = [...counts.keys()]
    .filter((id) => /\p{L}{3}/u.test(vocabulary.tokenOf(id)))
    .sort((a, b) => counts[b]! - counts[a]!)
    .slice(10, 10 + shownWords)
    .map((id) => vocabulary.tokenOf(id));

  return {
    unit: "pairs",
    description: `${parameterCount(model.parameters())}, ${vocabulary.size} different words`,
    parts: { model, optimizer, generator },
    step: (index) => {
      setRate(optimizer, 0.02 * Math.max(0.05, 1 - index / steps));
      const { targets, contexts } = batchOf(index);
      // Behind the seeds that the epochs use.
      const random = new SeededRandom(seed * 1_000_003 + 500_000 + index);
      const negatives = sampler.negatives(contexts, negativesEach, random);
      const loss = criterion.forward(
        ...model.forward(
          fromTypedArray(targets, [targets.length]),
          fromTypedArray(contexts, [contexts.length]),
          fromTypedArray(negatives.data, negatives.shape),
        ),
      );
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return { loss, units: targets.length };
    },
    sample: async () => (await Promise.all(frequent.map(describe))).join("\n"),
    ask: async (input) => {
      const word = input.trim().toLowerCase();
      if (vocabulary.has(word)) return describe(word);
      const message = `word vectors: type a word that occurs twice in the text, got ${JSON.stringify(word)}`;
      throw new TensorError("argument", message, { word });
    },
  };
};
