// Word vectors trained as a user trains them, from the text to the vectors: a made-up one whose words are as frequent as those
// of a language, the same in every program.
import type { Row } from "./rows.js";
import { gloveBytes, skipGramBytes } from "./step-rows.js";

/** Words of a text, and what a skip-gram model with negative sampling makes of it; `sample` in thousandths. */
const skipGram = {
  ...{ words: 200_000, lineLength: 25, vocabulary: 20_000, minCount: 5, epochs: 2 },
  ...{ width: 100, window: 5, negatives: 5, sample: 1, batch: 1024 },
};

/** Chances of words by Zipf's law, most frequent first. */
const chances = (vocabulary: number): readonly number[] =>
  Array.from({ length: vocabulary }, (_, k) => Math.log((k + 2) / (k + 1)) / Math.log(vocabulary + 1));

/** Pairs that word2vec's rule of thinning out leaves, on average, with windows of 1 to `window` words to either side. */
function expectedPairs({ words, vocabulary, sample, window, epochs }: typeof skipGram): number {
  const kept = chances(vocabulary).reduce((sum, p) => {
    const share = sample / 1000 / p;
    return sum + p * Math.min(1, Math.sqrt(share) + share);
  }, 0);
  return words * epochs * kept * (window + 1);
}

const glove = { pairs: 400_000, vocabulary: 20_251, width: 50, batch: 4096 };

const gloveRow = (name: string, adagrad: 0 | 1): Row => ({
  ...{ name: `GloVe training, ${name}`, group: "words", op: "gloveTraining", sizes: { ...glove, adagrad } },
  ...{ tokens: glove.pairs, ...gloveBytes(glove.pairs, glove, adagrad === 1 ? 2 : 3) },
});

/** Words a second of skip-gram, and pairs a second of GloVe. */
export const wordRows: readonly Row[] = [
  {
    ...{ name: "word2vec training", group: "words", op: "word2vecTraining", sizes: skipGram },
    ...{ tokens: skipGram.words * skipGram.epochs, ...skipGramBytes(expectedPairs(skipGram), skipGram) },
  },
  gloveRow("AdaGrad", 1),
  gloveRow("sparse Adam", 0),
];
