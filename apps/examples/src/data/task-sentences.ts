// The sentences of the three tasks that the multi-task example learns, in one form: words and the labels they should get.
import { join } from "node:path";
import { conll, conllLayouts, labelledText, type MultiTaskName, splitWhitespace } from "@torchium/nlp-models";
import type { Split } from "./split.js";
import { toyEntities } from "./toy-entities.js";
import { toySentiment, toySubjectivity } from "./toy-opinions.js";

/** Something for each task; the model's third head, "qa", answers whether a sentence is subjective. */
export type ByTask<T> = Readonly<Record<MultiTaskName, T>>;

/** Negations make sentiment the slowest of the three to learn: it gets more sentences than the others. */
const opinionsMade = { train: 3000, validation: 300, test: 300 } as const;

/** Words, and what is right about them: a tag for each, or the sentence's class as a list of one. */
export interface Sentence {
  readonly tokens: readonly string[];
  readonly labels: readonly string[];
}

/** The classes of the two tasks that have some, in the order of their indices. */
export const classNames = {
  classification: ["negative", "positive"],
  qa: ["objective", "subjective"],
} as const;

const mapSplit = <T, U>({ train, validation, test }: Split<T>, f: (item: T) => U): Split<U> => ({
  train: train.map(f),
  validation: validation.map(f),
  test: test.map(f),
});

const labelledBy =
  (names: readonly string[]) =>
  ({ text, label }: { readonly text: string; readonly label: number }): Sentence => ({
    tokens: splitWhitespace(text),
    labels: [names[label]!],
  });

/** Each task's sentences, from a folder or made up. @throws TensorError `file`, `format` */
export async function readTasks(folder: string | undefined, seed: number): Promise<ByTask<Split<Sentence>>> {
  const parts = async <T>(read: (part: string) => Promise<readonly T[]>): Promise<Split<T>> => ({
    train: await read("train"),
    validation: await read("dev"),
    test: await read("test"),
  });
  const classes = (name: string) =>
    parts((part) => labelledText({ labels: ["0", "1"] }).read(join(folder!, name, `${part}.tsv`)));
  const tagged = () => parts((part) => conll(conllLayouts.tokenTag).read(join(folder!, "ner-wnut17", `${part}.conll`)));
  const made = folder === undefined;
  return {
    classification: mapSplit(
      made ? toySentiment(seed, opinionsMade) : await classes("polarity"),
      labelledBy(classNames.classification),
    ),
    ner: mapSplit(made ? toyEntities(seed) : await tagged(), ({ tokens, tags }) => ({ tokens, labels: tags })),
    qa: mapSplit(made ? toySubjectivity(seed) : await classes("subjectivity"), labelledBy(classNames.qa)),
  };
}

/** One part of every task's sentences. */
export const partOf = (data: ByTask<Split<Sentence>>, part: keyof Split<Sentence>): ByTask<readonly Sentence[]> => ({
  classification: data.classification[part],
  ner: data.ner[part],
  qa: data.qa[part],
});
