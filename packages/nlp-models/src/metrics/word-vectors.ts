// What trained word vectors are good for: similarity, neighbours, analogies, and benchmarks of the three.
// Directions are compared, not lengths; a zero vector is similar to nothing.

import { argumentError, TensorError } from "@torchium/tensor";
import type { AnalogyQuestion, WordPairScore } from "../datasets/word-lists.js";
import type { Vocabulary } from "../text/vocabulary.js";
import { spearman } from "./spearman.js";

/** A word and the cosine of its vector with what was asked for. */
export interface Neighbour {
  readonly word: string;
  /** In [-1, 1]. */
  readonly similarity: number;
}

/** How well vectors agree with people on word similarity. */
export interface SimilarityScore {
  /** Spearman's correlation over the pairs that are known; NaN for fewer than two of them. */
  readonly spearman: number;
  /** Share of the pairs whose two words are known. */
  readonly coverage: number;
}

/** How many analogy questions were answered right. */
export interface AnalogyScore {
  /** Share of right answers among the questions whose four words are known; 0 when there is none. */
  readonly accuracy: number;
  /** Share of the questions whose four words are known. */
  readonly coverage: number;
  /** Accuracy by category, in order of first appearance. */
  readonly perCategory: Readonly<Record<string, number>>;
}

/** Word vectors with the vocabulary that names them. */
export class WordVectors {
  readonly vocabulary: Vocabulary;
  /** Numbers in a vector. */
  readonly dimension: number;
  /** [size, dimension]: the vectors at length 1, zero vectors as they are. */
  private readonly directions: Float32Array;

  /** Vectors row by row, [vocabulary.size, dimension]; they are copied. @throws `shape` when they do not fit. */
  constructor(vectors: Float32Array, vocabulary: Vocabulary) {
    const dimension = vectors.length / vocabulary.size;
    if (!Number.isInteger(dimension) || dimension < 1) {
      const why = `got ${vectors.length} numbers, expected a multiple of ${vocabulary.size} words`;
      throw new TensorError("shape", `WordVectors: the vectors do not fit the vocabulary, ${why}`, {
        op: "WordVectors",
        numbers: vectors.length,
        words: vocabulary.size,
      });
    }
    this.vocabulary = vocabulary;
    this.dimension = dimension;
    this.directions = vectors.slice();
    for (let row = 0; row < vocabulary.size; row++) normalise(this.row(row));
  }

  /** The cosine of two words' vectors. @throws `argument` for an unknown word. */
  similarity(first: string, second: string): number {
    return dot(this.row(this.idOf(first)), this.row(this.idOf(second)));
  }

  /** The words nearest to a word, itself left out, nearest first. @throws `argument` for an unknown word. */
  nearest(word: string, count = 10): Neighbour[] {
    const id = this.idOf(word);
    return this.nearestTo(this.row(id), count, [id]);
  }

  /** The words nearest to a vector, nearest first. @throws `shape` for a vector of another dimension. */
  nearestToVector(vector: Float32Array, count = 10): Neighbour[] {
    if (vector.length !== this.dimension) {
      const why = `got ${vector.length} numbers, expected ${this.dimension}`;
      throw new TensorError("shape", `WordVectors.nearestToVector: wrong dimension, ${why}`, { op: "WordVectors" });
    }
    return this.nearestTo(normalise(vector.slice()), count, []);
  }

  /**
   * The answers to "a is to b as c is to …": nearest to b - a + c, the three left out (Mikolov et al. 2013).
   * @throws `argument` for an unknown word.
   */
  analogy(a: string, b: string, c: string, count = 10): Neighbour[] {
    const ids = [this.idOf(a), this.idOf(b), this.idOf(c)] as const;
    const [rowA, rowB, rowC] = ids.map((id) => this.row(id)) as [Float32Array, Float32Array, Float32Array];
    const wanted = rowB.map((value, i) => value - (rowA[i] as number) + (rowC[i] as number));
    return this.nearestTo(normalise(wanted), count, ids);
  }

  /** Agreement with human similarity scores. */
  similarityScore(pairs: readonly WordPairScore[]): SimilarityScore {
    const known = pairs.filter(({ first, second }) => this.vocabulary.has(first) && this.vocabulary.has(second));
    const cosines = known.map(({ first, second }) => this.similarity(first, second));
    const human = known.map(({ score }) => score);
    return {
      spearman: known.length < 2 ? Number.NaN : spearman(cosines, human),
      coverage: share(known.length, pairs.length),
    };
  }

  /** The share of analogy questions answered right: the first answer counts. */
  analogyScore(questions: readonly AnalogyQuestion[]): AnalogyScore {
    const known = questions.filter(({ words }) => words.every((word) => this.vocabulary.has(word)));
    const byCategory = new Map<string, { right: number; asked: number }>();
    let right = 0;
    for (const { category, words } of known) {
      const [a, b, c, d] = words;
      const counts = byCategory.get(category) ?? { right: 0, asked: 0 };
      byCategory.set(category, counts);
      counts.asked++;
      if (this.analogy(a, b, c, 1)[0]?.word !== d) continue;
      counts.right++;
      right++;
    }
    return {
      accuracy: share(right, known.length),
      coverage: share(known.length, questions.length),
      perCategory: Object.fromEntries(
        [...byCategory].map(([name, counts]) => [name, share(counts.right, counts.asked)]),
      ),
    };
  }

  private idOf(word: string): number {
    // Not the vocabulary's idOf: an unknown word must not borrow the unknown token's vector.
    if (!this.vocabulary.has(word)) throw argumentError("WordVectors", "word", "in the vocabulary", word);
    return this.vocabulary.idOf(word);
  }

  private row(id: number): Float32Array {
    return this.directions.subarray(id * this.dimension, (id + 1) * this.dimension);
  }

  private nearestTo(direction: Float32Array, count: number, excluded: readonly number[]): Neighbour[] {
    if (!Number.isInteger(count) || count < 1) {
      throw argumentError("WordVectors", "count", "a positive integer", count);
    }
    const best: { readonly id: number; readonly similarity: number }[] = [];
    for (let id = 0; id < this.vocabulary.size; id++) {
      if (excluded.includes(id)) continue;
      const similarity = dot(direction, this.row(id));
      if (best.length === count && similarity <= (best.at(-1)?.similarity ?? 0)) continue;
      // Equal similarities keep the order of their ids.
      let place = best.length;
      while (place > 0 && (best[place - 1]?.similarity ?? 0) < similarity) place--;
      best.splice(place, 0, { id, similarity });
      if (best.length > count) best.pop();
    }
    return best.map(({ id, similarity }) => ({ word: this.vocabulary.tokenOf(id), similarity }));
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function normalise(vector: Float32Array): Float32Array {
  const length = Math.sqrt(dot(vector, vector));
  if (length > 0) for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / length;
  return vector;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
