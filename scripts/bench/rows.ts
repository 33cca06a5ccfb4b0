// What is measured: every row is one piece of work, described by numbers alone, so that each peer, in whatever language,
// builds the same work from it. Inputs are waves (see `wave` in serve.ts), so that results can be compared too.

/** One row of the table. */
export interface Row {
  readonly name: string;
  readonly group: "kernels" | "steps" | "host" | "growth";
  /** What a peer looks up in its own table of work. */
  readonly op: string;
  readonly sizes: Readonly<Record<string, number>>;
  /** Multiplications and additions of the matrix products in it. */
  readonly flops?: number;
  /** Bytes that have to be read and written at least, with nothing in between kept in memory. */
  readonly bytes?: number;
  /** The time is divided by this: µs an operation of a chain. */
  readonly per?: number;
  /** Words, characters or pairs that a training step learns from. */
  readonly tokens?: number;
  /** Of rows that differ in one size: which, and how large it is. */
  readonly series?: { readonly of: string; readonly size: number };
}

const million = 1 << 20;

function product(m: number, n: number, k: number, more: Readonly<Record<string, number>> = {}, label = ""): Row {
  const { batch = 1 } = more;
  const sides = m === n && n === k ? `${m}³` : `${batch > 1 ? `${batch} of ` : ""}${m}×${n}×${k}`;
  return {
    name: `matmul ${sides}${label && ` ${label}`}`,
    group: "kernels",
    op: "matmul",
    sizes: { m, n, k, batch: 1, transposeA: 0, transposeB: 0, ...more },
    flops: 2 * batch * m * n * k,
    bytes: 4 * batch * (m * k + k * n + m * n),
  };
}

/** Element-wise work that reads `reads` arrays and writes one. */
const map = (op: string, count = 4 * million, reads = 1): Row => ({
  name: `${op} ${count >= million ? `${count / million}M` : count}`,
  group: "kernels",
  op,
  sizes: { count },
  bytes: 4 * count * (reads + 1),
});

/** Work on [rows, columns] that reads and writes `passes` such arrays together. */
const onRows = (op: string, label: string, rows: number, columns: number, passes: number): Row => ({
  name: `${label} [${rows}, ${columns}]`,
  group: "kernels",
  op,
  sizes: { rows, columns },
  bytes: 4 * rows * columns * passes,
});

const attention = { batch: 12, heads: 4, length: 64, width: 32 };
const attentionElements = attention.batch * attention.heads * attention.length * attention.width;
const attentionFlops = 4 * attentionElements * attention.length;
const table = { vocabulary: 50257, width: 128, count: 8192 };

/** nanoGPT's recipe for a processor: characters, 4 layers of width 128, batch 12, block 64. */
const gpt = { layers: 4, heads: 4, width: 128, block: 64, batch: 12, vocabulary: 65 };
const gptTokens = gpt.batch * gpt.block;
const gptFlops =
  6 * gptTokens * (gpt.layers * 12 * gpt.width ** 2 + gpt.vocabulary * gpt.width) + 3 * gpt.layers * attentionFlops;

/** Rows of a padded batch: every sixth row is whole, each after it one place shorter. */
export const paddedLength = (row: number, length: number): number => length - (row % 6);

const paddedTokens = (batch: number, length: number): number =>
  Array.from({ length: batch }, (_, row) => paddedLength(row, length)).reduce((a, b) => a + b, 0);

const stack = { layers: 2, heads: 4, width: 128, feedforward: 512 };
const languageModel = { ...stack, block: 64, batch: 16, vocabulary: 8000 };
const translator = { ...stack, batch: 64, source: 14, target: 15, sources: 7882, targets: 5898 };
const skipGram = { vocabulary: 20251, width: 100, batch: 1024, negatives: 5 };
const counts = { vocabulary: 20251, width: 50, batch: 4096 };
const classifier = { ...stack, batch: 32, length: 24, vocabulary: 8989 };
const tagger = { vocabulary: 15315, width: 128, hidden: 256, batch: 32, length: 18, tags: 7 };
const tasks = { ...stack, batch: 32, length: 24, vocabulary: 18020, tags: 13 };

const step = (name: string, op: string, sizes: Row["sizes"], tokens: number, flops?: number): Row => ({
  ...{ name, group: "steps", op, sizes, tokens },
  ...(flops !== undefined && { flops }),
});

/** One training step of each system, at the sizes of its real data, and of a recurrent layer alone. */
const steps: readonly Row[] = [
  step("GPT, nanoGPT's recipe", "gptStep", gpt, gptTokens, gptFlops),
  step("Transformer LM, LAMB", "languageModelStep", languageModel, languageModel.batch * languageModel.block),
  step("translator, NovoGrad", "translatorStep", translator, paddedTokens(translator.batch, translator.target)),
  step("word2vec", "word2vecStep", skipGram, skipGram.batch),
  step("GloVe, sparse Adam", "gloveStep", counts, counts.batch),
  step("BERT classifier", "classifierStep", classifier, paddedTokens(classifier.batch, classifier.length)),
  step("BiLSTM-CRF tagger", "taggerStep", tagger, paddedTokens(tagger.batch, tagger.length)),
  step("three tasks, PCGrad", "tasksStep", tasks, 3 * paddedTokens(tasks.batch, tasks.length)),
  ...[16, 64, 128].map((length) =>
    step(`LSTM of ${length} steps, gradients too`, "lstm", { batch: 16, width: 128, hidden: 128, length }, 16 * length),
  ),
];

/** The GPT's step as one size after the other doubles, for the exponents of time and memory. */
const growth: readonly Row[] = Object.entries({
  batch: [3, 6, 12, 24],
  block: [16, 32, 64, 128],
  width: [64, 128, 256],
  vocabulary: [1024, 2048, 4096, 8192],
}).flatMap(([of, values]) =>
  values.map((size): Row => {
    const sizes = { ...gpt, [of]: size };
    const name = `GPT, ${of} ${size}`;
    return { ...step(name, "gptStep", sizes, sizes.batch * sizes.block), group: "growth", series: { of, size } };
  }),
);

/** Every row, in the order of the table. */
export const rows: readonly Row[] = [
  map("add", 4 * million, 2),
  ...[64, 128, 256, 512, 1024].map((size) => product(size, size, size)),
  product(768, 384, 128, { transposeB: 1 }, "linear"),
  product(768, 128, 384, {}, "input gradient"),
  product(384, 128, 768, { transposeA: 1 }, "weight gradient"),
  product(64, 64, 32, { batch: 48, transposeB: 1 }, "scores"),
  product(8, 768, 768, { transposeB: 1 }, "thin"),
  ...["exp", "log", "tanh", "sigmoid", "gelu"].map((op) => map(op)),
  onRows("softmax", "softmax", 512, 1024, 2),
  onRows("softmax", "softmax", 4096, 1024, 2),
  onRows("layerNorm", "layerNorm", 512, 1024, 2),
  onRows("layerNorm", "layerNorm", 4096, 1024, 2),
  onRows("layerNormBackward", "layerNorm gradients", 4096, 1024, 3),
  onRows("crossEntropy", "cross entropy + gradient", 1024, 4096, 2),
  onRows("crossEntropy", "cross entropy + gradient", 256, 50257, 2),
  { ...map("sum"), bytes: 16 * million },
  onRows("columnSum", "column sum", 4096, 1024, 1),
  map("dropout", million),
  onRows("transpose", "transpose", 2048, 2048, 2),
  {
    name: "gather 8192 of [50257, 128]",
    ...{ group: "kernels", op: "gather", sizes: table, bytes: 8 * table.count * table.width },
  },
  {
    name: "scatterAdd 8192 to [50257, 128]",
    ...{ group: "kernels", op: "scatterAdd", sizes: table, bytes: 4 * (table.vocabulary + table.count) * table.width },
  },
  { ...map("adamw"), name: "AdamW 4M", bytes: 7 * 16 * million },
  {
    name: "causal attention 12×4×64×32",
    ...{ group: "kernels", op: "attention", sizes: attention, flops: attentionFlops, bytes: 16 * attentionElements },
  },
  {
    name: "the same, gradients too",
    ...{ group: "kernels", op: "attentionBackward", sizes: attention },
    ...{ flops: 3.5 * attentionFlops, bytes: 32 * attentionElements },
  },
  ...steps,
  ...growth,
  { name: "an operation, of 200 on 64 values", group: "host", op: "chain", sizes: { nodes: 200, count: 64 }, per: 200 },
];

/** Sequence length after sequence length, for the cost of a step at a length that was never seen. */
export const growingLengths = { ...gpt, block: 96 } as const;
