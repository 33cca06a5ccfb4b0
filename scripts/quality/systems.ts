// What each example is trained on and judged by, beside what PyTorch 2.13 reached with the same work (data split, vocabulary,
// batches, initialisation, schedule, clipping, evaluation), one value for each of the seeds 1337, 1338, 1339.

/** One score of an example. */
export interface Metric {
  /** Where the example's record holds it. */
  readonly part: "validation" | "test";
  readonly score: string;
  /** What the table says. */
  readonly label: string;
  readonly better: "lower" | "higher";
  /** PyTorch's values, a seed each. */
  readonly pytorch: readonly number[];
}

/** One example on real data. */
export interface System {
  readonly example: string;
  /** Inside the data folder. */
  readonly data: string;
  /** More paths, by option: also inside the data folder. */
  readonly paths?: Readonly<Record<string, string>>;
  readonly metrics: readonly Metric[];
}

/** Spearman's correlations with three lists of word pairs. */
const similarities = (ws353: readonly number[], men: readonly number[], simlex: readonly number[]): Metric[] => [
  { part: "validation", score: "EN-WS-353-ALL", label: "Spearman, WS-353", better: "higher", pytorch: ws353 },
  { part: "validation", score: "EN-MEN-TR-3k", label: "Spearman, MEN", better: "higher", pytorch: men },
  { part: "validation", score: "EN-SIMLEX-999", label: "Spearman, SimLex", better: "higher", pytorch: simlex },
];

/** The eight, in the order of the table. */
export const systems: readonly System[] = [
  {
    example: "gpt",
    data: "tinyshakespeare.txt",
    metrics: [
      {
        part: "validation",
        score: "loss",
        label: "loss, last tenth of the text",
        better: "lower",
        pytorch: [1.90004, 1.90832, 1.90459],
      },
    ],
  },
  {
    example: "transformer-lm",
    data: "corpus.txt",
    metrics: [
      {
        part: "validation",
        score: "perplexity",
        label: "perplexity, last 2,000 lines",
        better: "lower",
        pytorch: [146.95983, 145.18718, 147.74658],
      },
    ],
  },
  {
    example: "seq2seq",
    data: "multi30k",
    metrics: [
      {
        part: "validation",
        score: "perplexity",
        label: "perplexity, val",
        better: "lower",
        pytorch: [22.51463, 22.70432, 23.11441],
      },
      {
        part: "test",
        score: "bleu",
        label: "BLEU, 500 test lines, greedy",
        better: "higher",
        pytorch: [15.42625, 15.62846, 15.2925],
      },
    ],
  },
  {
    example: "word2vec",
    data: "corpus.txt",
    paths: { wordsim: "wordsim" },
    metrics: similarities([0.24102, 0.21693, 0.2139], [0.31591, 0.30956, 0.31706], [0.22293, 0.22193, 0.21847]),
  },
  {
    example: "glove",
    data: "corpus.txt",
    paths: { wordsim: "wordsim" },
    metrics: similarities([0.32321, 0.24112, 0.29052], [0.28525, 0.27505, 0.27358], [0.19968, 0.16339, 0.17281]),
  },
  {
    example: "bert-classifier",
    data: "polarity",
    metrics: [
      {
        part: "validation",
        score: "accuracy",
        label: "accuracy in %, dev",
        better: "higher",
        pytorch: [75.047, 74.39, 75.704],
      },
      {
        part: "test",
        score: "accuracy",
        label: "accuracy in %, test",
        better: "higher",
        pytorch: [74.695, 75.82, 75.351],
      },
    ],
  },
  {
    example: "ner",
    data: "ner-danish",
    metrics: [
      {
        part: "validation",
        score: "f1",
        label: "entity F1 in %, dev",
        better: "higher",
        pytorch: [58.654, 59.52, 57.377],
      },
      { part: "test", score: "f1", label: "entity F1 in %, test", better: "higher", pytorch: [48.889, 49.779, 52.042] },
    ],
  },
  {
    example: "multitask",
    data: "",
    metrics: [
      {
        part: "test",
        score: "sentiment",
        label: "sentiment accuracy in %, test",
        better: "higher",
        pytorch: [74.227, 75.633, 73.946],
      },
      {
        part: "test",
        score: "subjectivity",
        label: "subjectivity accuracy in %, test",
        better: "higher",
        pytorch: [85.7, 88.8, 90.0],
      },
      {
        part: "validation",
        score: "f1",
        label: "entity F1 in %, dev",
        better: "higher",
        pytorch: [7.907, 8.127, 8.008],
      },
    ],
  },
];
