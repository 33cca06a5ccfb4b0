// What the page says of each example. The page loads this and no model; the models are the worker's.

import { toyCorpus } from "@torchium/examples/toy-corpus";
import { toySentiment } from "@torchium/examples/toy-opinions";
import type { ExampleName } from "../messages.js";

/** An example in words. */
export type Description = {
  readonly title: string;
  readonly about: string;
  /** What the text must be. */
  readonly textHelp: string;
  /** A text to begin with. */
  readonly sampleText: () => string;
  /** Steps by default. */
  readonly steps: number;
  /** The question box: what to type, and an example of it. */
  readonly question: { readonly label: string; readonly example: string };
};

/** Every example, in the order in which the page shows them. */
export const descriptions = {
  gpt: {
    title: "GPT",
    about: "Learns to write, letter by letter, from the text below.",
    textHelp: "Any text of a few thousand characters or more.",
    sampleText: () => toyCorpus(1, 300).join("\n"),
    steps: 400,
    question: { label: "A beginning to continue", example: "the cat" },
  },
  sentiment: {
    title: "Sentiment",
    about: "A small BERT learns which opinions about films are positive.",
    textHelp: "One opinion a line: 1 (positive) or 0 (negative), a tab, the sentence.",
    sampleText: () => {
      const { train } = toySentiment(1, { train: 600, validation: 1, test: 1 });
      return train.map(({ label, text }) => `${label}\t${text}`).join("\n");
    },
    steps: 300,
    question: { label: "A sentence to judge", example: "the acting was not boring at all ." },
  },
  wordVectors: {
    title: "Word vectors",
    about: "Learns which words keep the same company (word2vec).",
    textHelp: "One sentence a line, words separated by spaces.",
    sampleText: () => toyCorpus(1, 1500).join("\n"),
    steps: 400,
    question: { label: "A word to find neighbours of", example: "cat" },
  },
} as const satisfies Record<ExampleName, Description>;
