// Co-occurrence counts for GloVe (Pennington et al. 2014): words within a window, weighted by 1/distance.
// Memory is bounded by the number of different pairs: past the limit an error, or sorted runs outside memory.

import { argumentError, TensorError } from "@torchium/tensor";
import { permutation, type RandomSource } from "../batching/random-source.js";
import { emptyPairs, type PairSums, PairTable } from "./pair-table.js";
import { mergeRuns, type SpillStore, type StoredRun, writeRun } from "./spill.js";
import { idError } from "./token-lines.js";

/** What stood near what and how much, in ascending order of (target, context). */
export type Cooccurrences = PairSums;

/** Settings of the co-occurrence counters. */
export interface CooccurrenceOptions {
  /** Ids lie below this. */
  readonly vocabSize: number;
  /** Words counted to either side; 10 by default. */
  readonly window?: number;
  /** Count both sides (a pair and its mirror image are equal); true by default. Else only what stands to the left. */
  readonly symmetric?: boolean;
  /** What a pair at distance d adds: `"inverse-distance"` 1/d (default), or `"uniform"` 1. */
  readonly weighting?: "inverse-distance" | "uniform";
  /** Different pairs held in memory, a pair and its mirror image as one; 8,388,608 by default. Each needs up to 64 bytes. */
  readonly maxPairs?: number;
}

/** Settings of `streamCooccurrences`. */
export interface StreamCooccurrenceOptions extends CooccurrenceOptions {
  /** Where sorted runs go when memory is full. */
  readonly store: SpillStore;
  /** Pairs in each piece that is given out; 1,048,576 by default. */
  readonly chunkPairs?: number;
}

/**
 * The co-occurrences inside each line, counted in memory.
 * @throws `argument` for options out of range, `index` for an id outside the vocabulary, `out-of-memory` when there
 * are more than `maxPairs` different pairs: nothing is ever dropped silently.
 */
export function countCooccurrences(lines: Iterable<ArrayLike<number>>, options: CooccurrenceOptions): Cooccurrences {
  const counter = new Counter("countCooccurrences", options);
  for (const line of lines) {
    counter.add(line, 0);
    if (!counter.full) continue;
    const why = `more than maxPairs = ${counter.maxPairs} different pairs`;
    const remedy = "raise maxPairs, shrink the vocabulary or the window, or use streamCooccurrences with a store";
    throw new TensorError("out-of-memory", `countCooccurrences: ${why}; ${remedy}`, { op: "countCooccurrences" });
  }
  return counter.take();
}

/**
 * The co-occurrences of any number of lines, exact, in bounded memory: when `maxPairs` is passed, a sorted run goes to
 * the store; at the end the runs are merged and given out in ascending order, piece by piece. The store is emptied
 * when all is given out, or the caller stops.
 * @throws `argument` and `index` as `countCooccurrences`, and what the store throws.
 */
export async function* streamCooccurrences(
  lines: Iterable<ArrayLike<number>> | AsyncIterable<ArrayLike<number>>,
  options: StreamCooccurrenceOptions,
): AsyncGenerator<Cooccurrences> {
  const { store, chunkPairs = 1 << 20 } = options;
  if (!Number.isInteger(chunkPairs) || chunkPairs < 1) {
    throw argumentError("streamCooccurrences", "chunkPairs", "a positive integer", chunkPairs);
  }
  const counter = new Counter("streamCooccurrences", options);
  const runs: StoredRun[] = [];
  try {
    for await (const line of lines) {
      for (let at = 0; at < line.length; ) {
        at = counter.add(line, at);
        if (counter.full) runs.push(await writeRun(store, counter.take()));
      }
    }
    yield* mergeRuns(runs, counter.take(), chunkPairs);
  } finally {
    await store.clear();
  }
}

/** One batch for GloVe. */
export interface CooccurrenceBatch {
  /** [batch] */
  readonly targetWords: Int32Array;
  /** [batch] */
  readonly contextWords: Int32Array;
  /** [batch] */
  readonly cooccurrenceCounts: Float32Array;
}

/** One epoch: all pairs in random order, in batches; the last may be smaller. @throws `argument` for a bad size. */
export function* cooccurrenceBatches(
  pairs: Cooccurrences,
  batchSize: number,
  random: RandomSource,
): Generator<CooccurrenceBatch> {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw argumentError("cooccurrenceBatches", "batchSize", "a positive integer", batchSize);
  }
  const order = permutation(pairs.counts.length, random);
  for (let start = 0; start < order.length; start += batchSize) {
    yield selectPairs(pairs, order.subarray(start, start + batchSize));
  }
}

/** Pieces put together, such as those of `streamCooccurrences`. */
export function joinCooccurrences(pieces: readonly Cooccurrences[]): Cooccurrences {
  const joined = emptyPairs(pieces.reduce((sum, piece) => sum + piece.counts.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.targetWords.set(piece.targetWords, at);
    joined.contextWords.set(piece.contextWords, at);
    joined.counts.set(piece.counts, at);
    at += piece.counts.length;
  }
  return joined;
}

// Loops, because this runs for every pair of every epoch, and typed arrays' map and from are several times slower.
function selectPairs(pairs: Cooccurrences, places: Int32Array): CooccurrenceBatch {
  const targetWords = new Int32Array(places.length);
  const contextWords = new Int32Array(places.length);
  const cooccurrenceCounts = new Float32Array(places.length);
  for (let i = 0; i < places.length; i++) {
    const at = places[i] as number;
    targetWords[i] = pairs.targetWords[at] as number;
    contextWords[i] = pairs.contextWords[at] as number;
    cooccurrenceCounts[i] = pairs.counts[at] as number;
  }
  return { targetWords, contextWords, cooccurrenceCounts };
}

class Counter {
  readonly maxPairs: number;
  private readonly op: string;
  private readonly vocabSize: number;
  private readonly symmetric: boolean;
  /** What a pair adds, by distance. */
  private readonly weights: Float64Array;
  private readonly table = new PairTable();

  constructor(op: string, options: CooccurrenceOptions) {
    const { vocabSize, window = 10, symmetric = true, weighting = "inverse-distance", maxPairs = 1 << 23 } = options;
    for (const [name, value] of Object.entries({ vocabSize, window, maxPairs })) {
      if (!Number.isInteger(value) || value < 1) throw argumentError(op, name, "a positive integer", value);
    }
    if (weighting !== "inverse-distance" && weighting !== "uniform") {
      throw argumentError(op, "weighting", '"inverse-distance" or "uniform"', weighting);
    }
    this.op = op;
    this.vocabSize = vocabSize;
    this.symmetric = symmetric;
    this.maxPairs = maxPairs;
    this.weights = Float64Array.from({ length: window + 1 }, (_, d) => (weighting === "uniform" ? 1 : 1 / d));
  }

  get full(): boolean {
    return this.table.size > this.maxPairs;
  }

  /** Counts the words from a place on, until the line ends or the table is full; gives the place it came to. */
  add(line: ArrayLike<number>, from: number): number {
    const { symmetric, table, vocabSize, weights } = this;
    const window = weights.length - 1;
    let at = from;
    for (; at < line.length && !this.full; at++) {
      const word = line[at] as number;
      if (!(word >= 0 && word < vocabSize)) throw idError(this.op, word, vocabSize);
      for (let d = 1; d <= Math.min(window, at); d++) {
        const left = line[at - d] as number;
        const weight = weights[d] as number;
        // A symmetric pair is kept once; a word beside itself is its own mirror image and counts for both sides.
        if (!symmetric) table.add(word, left, weight);
        else if (word === left) table.add(word, left, 2 * weight);
        else table.add(Math.min(word, left), Math.max(word, left), weight);
      }
    }
    return at;
  }

  take(): PairSums {
    return this.table.takeSorted(this.vocabSize, this.symmetric);
  }
}
