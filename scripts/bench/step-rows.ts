// One training step of each system, at the sizes of its real data, of a recurrent layer alone, and of a GPT that grows.
import type { Row } from "./rows.js";

/** Rows of a padded batch: every sixth row is whole, each after it one place shorter. */
export const paddedLength = (row: number, length: number): number => length - (row % 6);

const paddedTokens = (batch: number, length: number): number =>
  Array.from({ length: batch }, (_, row) => paddedLength(row, length)).reduce((a, b) => a + b, 0);

type Layers = Readonly<Record<"layers" | "width" | "feedforward", number>>;

/** A product's operations forwards and, twice as many, backwards, for each weight that a token meets. */
const trained = 6;

/** Operations of a stack of encoder layers over sequences of `length`. */
const stackFlops = ({ layers, width, feedforward }: Layers, tokens: number, length: number): number =>
  trained * tokens * layers * (4 * width ** 2 + 2 * width * feedforward + 2 * length * width);

/** nanoGPT's recipe for a processor: characters, 4 layers of width 128, batch 12, block 64. */
const gpt = { layers: 4, heads: 4, width: 128, block: 64, batch: 12, vocabulary: 65 };

const stack = { layers: 2, heads: 4, width: 128, feedforward: 512 };
const languageModel = { ...stack, block: 64, batch: 16, vocabulary: 8000 };
const translator = { ...stack, batch: 64, source: 14, target: 15, sources: 7882, targets: 5898 };
const skipGram = { vocabulary: 20251, width: 100, batch: 1024, negatives: 5 };
const counts = { vocabulary: 20251, width: 50, batch: 4096 };
const classifier = { ...stack, batch: 32, length: 24, vocabulary: 8989 };
const tagger = { vocabulary: 15315, width: 128, hidden: 256, batch: 32, length: 18, tags: 7 };
const tasks = { ...stack, batch: 32, length: 24, vocabulary: 18020, tags: 13 };

type Work = Pick<Row, "flops" | "bytes" | "workingSet">;

const step = (name: string, op: string, sizes: Row["sizes"], tokens: number, work: Work): Row => ({
  ...{ name, group: "steps", op, sizes, tokens },
  ...work,
});

function gptStep(name: string, sizes: typeof gpt): Row {
  const tokens = sizes.batch * sizes.block;
  const head = trained * tokens * sizes.vocabulary * sizes.width;
  const flops = stackFlops({ ...sizes, feedforward: 4 * sizes.width }, tokens, sizes.block) + head;
  return step(name, "gptStep", sizes, tokens, { flops });
}

function languageModelStep(): Row {
  const { batch, block, vocabulary, width } = languageModel;
  const tokens = batch * block;
  const flops = stackFlops(stack, tokens, block) + trained * tokens * vocabulary * width;
  return step("Transformer LM, LAMB", "languageModelStep", languageModel, tokens, { flops });
}

function translatorStep(): Row {
  const { batch, source, target, targets, width, layers } = translator;
  const [read, written] = [paddedTokens(batch, source), paddedTokens(batch, target)];
  // The decoder's second attention: queries and results of the target, keys and values of the source.
  const across = trained * layers * (2 * width ** 2 * (read + written) + 2 * written * source * width);
  const stacks = stackFlops(stack, read, source) + stackFlops(stack, written, target);
  const flops = stacks + across + trained * written * targets * width;
  return step("translator, NovoGrad", "translatorStep", translator, written, { flops });
}

function lstmFlops(tokens: number, inputs: number, hidden: number): number {
  return trained * tokens * 4 * hidden * (inputs + hidden);
}

function classifierStep(): Row {
  const tokens = paddedTokens(classifier.batch, classifier.length);
  const flops = stackFlops(stack, tokens, classifier.length);
  return step("BERT classifier", "classifierStep", classifier, tokens, { flops });
}

function taggerStep(): Row {
  const tokens = paddedTokens(tagger.batch, tagger.length);
  const flops = 2 * lstmFlops(tokens, tagger.width, tagger.hidden);
  return step("BiLSTM-CRF tagger", "taggerStep", tagger, tokens, { flops });
}

function tasksStep(): Row {
  const tokens = 3 * paddedTokens(tasks.batch, tasks.length);
  return step("three tasks, PCGrad", "tasksStep", tasks, tokens, { flops: stackFlops(stack, tokens, tasks.length) });
}

type Bytes = Required<Pick<Row, "bytes" | "workingSet">>;

/** What pairs of skip-gram move: rows that are read, and read and written once more when they are updated. */
export function skipGramBytes(
  pairs: number,
  { vocabulary, width, negatives }: Readonly<Record<"vocabulary" | "width" | "negatives", number>>,
): Bytes {
  return { bytes: 3 * 4 * pairs * (2 + negatives) * width, workingSet: 4 * 2 * vocabulary * width };
}

/** What pairs of GloVe move: two rows that are read, and `copies` arrays that are read and written when they are updated. */
export function gloveBytes(
  pairs: number,
  { vocabulary, width }: Readonly<Record<"vocabulary" | "width", number>>,
  copies: number,
): Bytes {
  return { bytes: 4 * pairs * 2 * width * (1 + 2 * copies), workingSet: 4 * 2 * vocabulary * width * copies };
}

/** Every step, in the order of the table. */
export const stepRows: readonly Row[] = [
  { ...gptStep("GPT, nanoGPT's recipe", gpt), main: true },
  languageModelStep(),
  translatorStep(),
  step("word2vec", "word2vecStep", skipGram, skipGram.batch, skipGramBytes(skipGram.batch, skipGram)),
  step("GloVe, sparse Adam", "gloveStep", counts, counts.batch, gloveBytes(counts.batch, counts, 3)),
  classifierStep(),
  taggerStep(),
  tasksStep(),
  ...[16, 64, 128].map((length) => {
    const [sizes, tokens] = [{ batch: 16, width: 128, hidden: 128, length }, 16 * length];
    const flops = lstmFlops(tokens, sizes.width, sizes.hidden);
    return step(`LSTM of ${length} steps, gradients too`, "lstm", sizes, tokens, { flops });
  }),
];

/** The GPT's step as one size after the other doubles, for the exponents of time and memory. */
export const growthRows: readonly Row[] = Object.entries({
  batch: [3, 6, 12, 24],
  block: [16, 32, 64, 128],
  width: [64, 128, 256],
  vocabulary: [1024, 2048, 4096, 8192],
}).flatMap(([of, values]) =>
  values.map(
    (size): Row => ({
      ...gptStep(`GPT, ${of} ${size}`, { ...gpt, [of]: size }),
      ...{ group: "growth", series: { of, size } },
    }),
  ),
);

/** Sequence length after sequence length, for the cost of a step at a length that was never seen. */
export const growingLengths = { ...gpt, block: 96 } as const;
