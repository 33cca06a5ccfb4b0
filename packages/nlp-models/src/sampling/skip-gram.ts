// Skip-gram training pairs (Mikolov et al. 2013): frequent words thinned out, a window of random reach a word.
// Pairs never cross a line. Words that were thinned out are gone before windows are laid, as in word2vec.c.

import { argumentError, TensorError } from "@torchium/tensor";
import { type RandomSource, randomInt } from "../batching/random-source.js";
import { type TokenLines, tokenLines } from "./token-lines.js";

/**
 * The chance to keep each word, from its count: `√(s/f) + s/f` for a word of share f, at most 1 (word2vec.c).
 * @throws `argument` for a threshold that is not positive.
 */
export function keepProbabilities(counts: ArrayLike<number>, threshold = 1e-3): Float64Array {
  if (!(threshold > 0)) throw argumentError("keepProbabilities", "threshold", "positive", threshold);
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i] as number;
  return Float64Array.from(counts, (count) => {
    const share = (threshold * total) / count;
    return count > 0 ? Math.min(1, Math.sqrt(share) + share) : 1;
  });
}

/** Settings of `skipGramPairs`. */
export interface SkipGramOptions {
  readonly random: RandomSource;
  /** Largest distance between the words of a pair; each word's own is drawn from 1 to this. 5 by default. */
  readonly window?: number;
  /** The chance to keep each word, by id; all are kept by default. */
  readonly keep?: Float64Array;
}

/** Pairs of words that stood near each other; entry i of both arrays is a pair. */
export interface SkipGramPairs {
  readonly targetWords: Int32Array;
  readonly contextWords: Int32Array;
}

/**
 * All pairs of one epoch, in random order. It needs 8 bytes a pair and 8 a word of the corpus; for more text than
 * that leaves room for, see `skipGramStream`.
 * @throws `argument` for a window out of range, `index` for an id without a chance in `keep`.
 */
export function skipGramPairs(corpus: TokenLines, options: SkipGramOptions): SkipGramPairs {
  const { random, window = 5, keep } = options;
  if (!Number.isInteger(window) || window < 1) {
    throw argumentError("skipGramPairs", "window", "a positive integer", window);
  }
  const { ids, starts } = keep === undefined ? corpus : thinOut(corpus, keep, random);
  const reach = new Int32Array(ids.length);
  let pairs = 0;
  for (let line = 1; line < starts.length; line++) {
    const start = starts[line - 1] as number;
    const end = starts[line] as number;
    for (let at = start; at < end; at++) {
      const far = randomInt(random, window) + 1;
      reach[at] = far;
      pairs += Math.min(far, at - start) + Math.min(far, end - 1 - at);
    }
  }
  const targetWords = new Int32Array(pairs);
  const contextWords = new Int32Array(pairs);
  let made = 0;
  for (let line = 1; line < starts.length; line++) {
    const start = starts[line - 1] as number;
    const end = starts[line] as number;
    for (let at = start; at < end; at++) {
      const far = reach[at] as number;
      const last = Math.min(end - 1, at + far);
      for (let other = Math.max(start, at - far); other <= last; other++) {
        if (other === at) continue;
        targetWords[made] = ids[at] as number;
        contextWords[made] = ids[other] as number;
        made++;
      }
    }
  }
  shuffleTogether(targetWords, contextWords, random);
  return { targetWords, contextWords };
}

/** Settings of `skipGramStream`. */
export interface SkipGramStreamOptions extends SkipGramOptions {
  /** Words read before their pairs are made and shuffled; 1,048,576 by default. */
  readonly poolWords?: number;
}

/**
 * The pairs of a corpus that is read as it comes: in pools of words, shuffled inside each pool. Memory is bounded by
 * the pool, at most `8·(2·window + 1)` bytes a word of it.
 * @throws `argument` for sizes out of range, `index` as `skipGramPairs`.
 */
export async function* skipGramStream(
  lines: Iterable<ArrayLike<number>> | AsyncIterable<ArrayLike<number>>,
  options: SkipGramStreamOptions,
): AsyncGenerator<SkipGramPairs> {
  const { poolWords = 1 << 20 } = options;
  if (!(poolWords >= 1)) throw argumentError("skipGramStream", "poolWords", "a positive integer", poolWords);
  let pool: ArrayLike<number>[] = [];
  let words = 0;
  for await (const line of lines) {
    pool.push(line);
    words += line.length;
    if (words < poolWords) continue;
    yield skipGramPairs(tokenLines(pool), options);
    pool = [];
    words = 0;
  }
  if (words > 0) yield skipGramPairs(tokenLines(pool), options);
}

function thinOut(corpus: TokenLines, keep: Float64Array, random: RandomSource): TokenLines {
  const { ids, starts } = corpus;
  const kept = new Int32Array(ids.length);
  const keptStarts = new Int32Array(starts.length);
  let count = 0;
  for (let line = 1; line < starts.length; line++) {
    for (let at = starts[line - 1] as number; at < (starts[line] as number); at++) {
      const id = ids[at] as number;
      const chance = keep[id];
      if (chance === undefined) {
        throw new TensorError("index", `skipGramPairs: no chance in keep for id ${id}, got ${keep.length} chances`, {
          op: "skipGramPairs",
          id,
        });
      }
      if (random.next() < chance) kept[count++] = id;
    }
    keptStarts[line] = count;
  }
  return { ids: kept.subarray(0, count), starts: keptStarts };
}

function shuffleTogether(a: Int32Array, b: Int32Array, random: RandomSource): void {
  for (let i = a.length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1));
    const heldA = a[i] as number;
    const heldB = b[i] as number;
    a[i] = a[j] as number;
    b[i] = b[j] as number;
    a[j] = heldA;
    b[j] = heldB;
  }
}
