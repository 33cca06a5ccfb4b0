// What the two word-vector examples share: the corpus as ids, benchmarks of word similarity, looking words up, and
// writing vectors to a file that other tools read.
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import {
  type AnalogyQuestion,
  encodeWordVectors,
  splitWhitespace,
  textLines,
  Vocabulary,
  type WordPairScore,
  WordVectors,
  wordPairScores,
} from "@torchium/nlp-models";
import { TensorError } from "@torchium/tensor";
import { flag, integer, path } from "./cli/option.js";
import { toyAnalogies, toyCorpus, toySimilarities } from "./data/toy-corpus.js";
import type { UseContext } from "./example.js";
import { writeFileAtomic } from "./run/files.js";
import type { Scores } from "./run/metrics.js";

/** Lines of ids and the words they stand for. */
export interface Corpus {
  readonly vocabulary: Vocabulary;
  /** The ids of each line's known words. */
  readonly lines: readonly (readonly number[])[];
}

/** A text, one sentence a line, words between spaces; words seen less often than `minCount` are left out. */
export async function readCorpus(
  op: string,
  options: { readonly data: string | undefined; readonly seed: number; readonly minCount: number },
): Promise<Corpus> {
  const text = options.data === undefined ? toyCorpus(options.seed) : await textLines().read(options.data);
  const lines = text.map(splitWhitespace);
  const vocabulary = Vocabulary.build(words(lines), { minCount: options.minCount });
  if (vocabulary.size < 2) {
    const got = `got ${vocabulary.size} words that occur ${options.minCount} times`;
    const message = `${op}: the text is too small, ${got}, expected at least 2 (or a smaller --min-count)`;
    throw new TensorError("argument", message, { words: vocabulary.size });
  }
  return { vocabulary, lines: lines.map((line) => vocabulary.encodeKnown(line)) };
}

function* words(lines: readonly (readonly string[])[]): Generator<string> {
  for (const line of lines) yield* line;
}

/** How vectors are judged. */
export interface Benchmarks {
  /** Word pairs by the name of their list. */
  readonly similarities: Readonly<Record<string, readonly WordPairScore[]>>;
  readonly analogies: readonly AnalogyQuestion[];
}

/**
 * The lists of a folder, one a .txt file of `word word score`; without a folder, those of the made-up corpus when it is
 * what was read, and none for another text.
 * @throws TensorError `file`, `format`; `argument` for a list of which the vocabulary knows too little
 */
export async function readBenchmarks(
  vocabulary: Vocabulary,
  options: { readonly data: string | undefined; readonly wordsim: string | undefined },
): Promise<Benchmarks> {
  const { data, wordsim } = options;
  if (wordsim === undefined) {
    return data === undefined
      ? { similarities: { similarity: toySimilarities() }, analogies: toyAnalogies() }
      : { similarities: {}, analogies: [] };
  }
  const files = existsSync(wordsim) ? readdirSync(wordsim).filter((name) => name.endsWith(".txt")) : [];
  if (files.length === 0) {
    throw new TensorError("file", `--wordsim: no word lists, got ${wordsim}, expected a folder with .txt files`);
  }
  const similarities: Record<string, readonly WordPairScore[]> = {};
  for (const file of files.sort()) {
    const pairs = await wordPairScores().read(join(wordsim, file));
    const known = pairs.filter(({ first, second }) => vocabulary.has(first) && vocabulary.has(second)).length;
    if (known < 2) {
      const message = `--wordsim: too few pairs of known words in ${file}, got ${known}, expected at least 2`;
      throw new TensorError("argument", message, { file, known });
    }
    similarities[basename(file, ".txt")] = pairs;
  }
  return { similarities, analogies: [] };
}

/** Spearman's correlation with each list, and the share of analogies that are right; undefined without any. */
export function scorer(
  vocabulary: Vocabulary,
  { similarities, analogies }: Benchmarks,
  vectors: () => Promise<Float32Array>,
): (() => Promise<Scores>) | undefined {
  const lists = Object.entries(similarities);
  if (lists.length === 0) return undefined;
  return async () => {
    const table = new WordVectors(await vectors(), vocabulary);
    const scores = lists.map(([name, pairs]) => [name, table.similarityScore(pairs).spearman] as const);
    if (analogies.length === 0) return Object.fromEntries(scores);
    return { ...Object.fromEntries(scores), analogies: table.analogyScore(analogies).accuracy };
  };
}

/** The options of `use` that both examples take. */
export const lookUpOptions = {
  count: integer({ min: 1, help: "words to show", default: 10 }),
  analogy: flag({ help: 'answer "a is to b as c is to …" for three words' }),
  export: path({ placeholder: "FILE", help: "write the vectors in word2vec's text format" }),
} as const;

/** The words that both examples take. */
export const lookUpInput = "words to find neighbours of, or three words with --analogy";

/** Writes vectors to a file, shows the neighbours of words, or answers an analogy. @throws TensorError `argument`, `file` */
export async function lookUp(
  op: string,
  {
    options,
    words: asked,
    print,
  }: Pick<UseContext<Record<never, never>, typeof lookUpOptions>, "options" | "words" | "print">,
  vocabulary: Vocabulary,
  vectors: Float32Array,
): Promise<void> {
  const { analogy, count } = options;
  if (analogy ? asked.length !== 3 : asked.length === 0 && options.export === undefined) {
    const expected = analogy ? "three with --analogy" : "at least one, or --export FILE";
    throw new TensorError("argument", `${op}: the number of words is wrong, got ${asked.length}, expected ${expected}`);
  }
  const table = new WordVectors(vectors, vocabulary);
  const known = asked.map((word) => (vocabulary.has(word) ? word : word.toLowerCase()));
  const [a, b, c] = known as [string, string, string];
  const answers = analogy
    ? [{ title: `${a} is to ${b} as ${c} is to`, near: table.analogy(a, b, c, count) }]
    : known.map((word) => ({ title: word, near: table.nearest(word, count) }));
  for (const { title, near } of answers) {
    print(title);
    for (const { word, similarity } of near) print(`  ${similarity.toFixed(3)}  ${word}`);
  }
  if (options.export === undefined) return;
  await writeFileAtomic(options.export, encodeWordVectors({ words: vocabulary.tokens, vectors }, "text"));
  print(`${vocabulary.size} vectors of ${table.dimension} numbers: ${options.export}`);
}
