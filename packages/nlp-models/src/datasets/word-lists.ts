// Benchmarks of word vectors: pairs with human similarity scores, and analogy questions.

import { type DatasetFormat, defineLineFormat } from "./line-format.js";

/** Two words and how similar people find them. */
export interface WordPairScore {
  readonly first: string;
  readonly second: string;
  readonly score: number;
}

/** `word word score` between white space, lower-cased, as WordSim-353, MEN and SimLex-999 are published. */
export function wordPairScores(): DatasetFormat<WordPairScore> {
  return defineLineFormat("wordPairScores", () => ({
    line: (text, place) => {
      const cells = text.trim().toLowerCase().split(/\s+/);
      const [first, second, written] = cells;
      if (first === "" || first === undefined) return undefined;
      if (second === undefined || written === undefined || cells.length !== 3) {
        return place.fail(`expected two words and a score, got ${cells.length} cells`);
      }
      const score = Number(written);
      if (!Number.isFinite(score)) place.fail(`the score is no number, got ${written}`);
      return { first, second, score };
    },
  }));
}

/** The question "a is to b as c is to which word?", and the answer d. */
export interface AnalogyQuestion {
  /** The heading it stood under; empty when there was none. */
  readonly category: string;
  /** The four words a, b, c, d. */
  readonly words: readonly [string, string, string, string];
}

/** Analogy questions: `: category` headings and lines of four words, lower-cased (Mikolov et al. 2013). */
export function analogyQuestions(): DatasetFormat<AnalogyQuestion> {
  return defineLineFormat("analogyQuestions", () => {
    let category = "";
    return {
      line: (text, place) => {
        if (text.startsWith(":")) {
          category = text.slice(1).trim();
          return undefined;
        }
        const [a, b, c, d, ...more] = text.trim().toLowerCase().split(/\s+/);
        if (a === "" || a === undefined) return undefined;
        if (b === undefined || c === undefined || d === undefined || more.length > 0) {
          return place.fail(`expected four words, got ${JSON.stringify(text.slice(0, 40))}`);
        }
        return { category, words: [a, b, c, d] };
      },
    };
  });
}
