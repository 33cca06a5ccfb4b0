// A BERT-style classifier: is an opinion positive or negative? A tenth of the lines is held out to measure it.

import { batchesByStep } from "@torchium/examples/epochs";
import { setRate, warmupCosineAt } from "@torchium/examples/schedule";
import {
  accuracy,
  BERTClassifier,
  collateClassification,
  type IdBlock,
  type LabelledIds,
  lengthBuckets,
  Vocabulary,
} from "@torchium/nlp-models";
import { AdamW, clipGradNorm } from "@torchium/optim";
import { fromTypedArray, Generator, noGrad, type Tensor, TensorError } from "@torchium/tensor";
import { functional as F } from "@torchium/tensor/nn";
import { type Begin, parameterCount, type Run } from "./run.js";

const [padding, unknown, begin] = ["<pad>", "<unk>", "<cls>"] as const;
const specials = [padding, unknown, begin];
const batchSize = 16;
const longest = 48;
const sizes = {
  tiny: { dModel: 32, nhead: 2, numLayers: 1, dimFeedforward: 64 },
  small: { dModel: 64, nhead: 4, numLayers: 2, dimFeedforward: 128 },
  medium: { dModel: 128, nhead: 4, numLayers: 2, dimFeedforward: 512 },
} as const;
const names = ["negative", "positive"] as const;

type Line = { readonly label: number; readonly words: readonly string[] };

const wordsOf = (text: string): string[] => text.toLowerCase().split(/\s+/).filter(Boolean);
const toTensor = ({ data, shape }: IdBlock): Tensor => fromTypedArray(data, shape);

/** @throws TensorError `argument`, naming the line that is wrong */
function readLines(text: string): Line[] {
  const lines = text.split(/\r?\n/).flatMap((line, i): Line[] => {
    if (line.trim() === "") return [];
    const match = /^([01])\t(.*\S.*)$/.exec(line);
    if (match) return [{ label: Number(match[1]), words: wordsOf(match[2]!) }];
    const message = `sentiment: line ${i + 1} must be 0 or 1, a tab and a sentence, got ${JSON.stringify(line.slice(0, 40))}`;
    throw new TensorError("argument", message, { line: i + 1 });
  });
  if (lines.length >= 20) return lines;
  const message = `sentiment: the text is too short, got ${lines.length} sentences, expected at least 20`;
  throw new TensorError("argument", message, { sentences: lines.length });
}

/** Says whether a sentence is for or against. */
export const beginSentiment: Begin = ({ text, size, steps, seed }): Run => {
  const lines = readLines(text);
  const cut = Math.floor(lines.length * 0.9);
  const vocabulary = Vocabulary.build(
    lines.slice(0, cut).flatMap((line) => line.words),
    { specials, unknown },
  );
  const rows = lines.map(({ label, words }): LabelledIds => ({ ids: vocabulary.encode(words), label }));
  const [training, heldOut] = [rows.slice(0, cut), rows.slice(cut)];
  const generator = new Generator(seed);
  const model = new BERTClassifier({
    vocabSize: vocabulary.size,
    ...sizes[size],
    maxLen: longest,
    dropout: 0.1,
    numClasses: 2,
    embeddingNorm: false,
    generator,
  });
  const optimizer = new AdamW(model.parameters(), { lr: 1e-3, weightDecay: 0.01 });
  const rates = { lr: 1e-3, minLr: 1e-4, warmup: Math.min(30, Math.ceil(steps / 10)), steps };
  const lengths = training.map((row) => Math.min(row.ids.length, longest - 1));
  const perEpoch = Math.ceil(training.length / batchSize);
  const batchOf = batchesByStep(seed, perEpoch, (random) => lengthBuckets(lengths, batchSize, { random }));

  const predict = (some: readonly LabelledIds[]) => {
    const ids = { padId: vocabulary.idOf(padding)!, clsId: vocabulary.idOf(begin)!, maxLength: longest };
    const batch = collateClassification(some, ids);
    const logits = model.forward(toTensor(batch.inputIds), toTensor(batch.attentionMask), toTensor(batch.segmentIds));
    return { logits, labels: toTensor(batch.labels), words: batch.attentionMask.data.reduce((a, b) => a + b, 0) };
  };
  /** Runs `body` with dropout off. */
  const evaluating = async <T>(body: () => Promise<T>): Promise<T> => {
    model.eval();
    try {
      return await body();
    } finally {
      model.train();
    }
  };

  return {
    unit: "words",
    description: `${parameterCount(model.parameters())}, ${vocabulary.size} different words, ${heldOut.length} sentences held out`,
    parts: { model, optimizer, generator },
    step: (index) => {
      setRate(optimizer, warmupCosineAt(index, rates));
      const { logits, labels, words } = predict(batchOf(index).map((i) => training[i]!));
      const loss = F.crossEntropy(logits, labels);
      loss.backward();
      clipGradNorm(model.parameters(), 1);
      optimizer.step();
      optimizer.zeroGrad();
      return { loss, units: words };
    },
    sample: () =>
      evaluating(async () => {
        const guesses = await noGrad(() => predict(heldOut).logits.argmax(-1)).data();
        const share = accuracy(
          [...guesses].map(Number),
          heldOut.map((row) => row.label),
        );
        const shown = lines
          .slice(cut, cut + 4)
          .map((line, i) => `${names[Number(guesses[i])]}: ${line.words.join(" ")}`);
        return [`${(100 * share).toFixed(0)} % of the held-out sentences are judged right`, ...shown].join("\n");
      }),
    ask: (input) => {
      const words = wordsOf(input);
      if (words.length === 0) throw new TensorError("argument", "sentiment: type a sentence, got nothing");
      return evaluating(async () => {
        const { logits } = noGrad(() => predict([{ ids: vocabulary.encode(words), label: 0 }]));
        const chances = [...(await logits.softmax(-1).data())].map(Number);
        const best = chances[1]! > chances[0]! ? 1 : 0;
        return `${names[best]} (${(100 * chances[best]!).toFixed(1)} %)`;
      });
    },
  };
};
