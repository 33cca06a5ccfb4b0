// Draws words by weight in constant time (Walker 1977, Vose 1991), and word2vec's negatives from it.

import { argumentError, TensorError } from "@torchium/tensor";
import type { IdBlock } from "../batching/id-block.js";
import type { RandomSource } from "../batching/random-source.js";

/** Draws indices with chances in proportion to weights; a draw takes one random number and constant time. */
export class AliasSampler {
  private readonly count: number;
  /** A column's chance to be kept and its alias, side by side: one place in memory a draw. */
  private readonly columns: Float64Array;

  /** @throws `argument` for a negative or infinite weight, or when none is positive. */
  constructor(weights: ArrayLike<number>) {
    const total = sumWeights("AliasSampler", weights);
    const count = weights.length;
    const chance = Float64Array.from(weights, (weight) => (weight / total) * count);
    // Until a better one is found, every alias is a word that can be drawn.
    let heaviest = 0;
    for (let i = 1; i < count; i++) if ((weights[i] as number) > (weights[heaviest] as number)) heaviest = i;
    const alias = new Int32Array(count).fill(heaviest);
    const small: number[] = [];
    const large: number[] = [];
    for (let i = 0; i < count; i++) ((chance[i] as number) < 1 ? small : large).push(i);
    while (small.length > 0 && large.length > 0) {
      const under = small.pop() as number;
      const over = large.at(-1) as number;
      alias[under] = over;
      const left = (chance[over] as number) - (1 - (chance[under] as number));
      chance[over] = left;
      if (left < 1) small.push(large.pop() as number);
    }
    // What is left differs from 1 by rounding alone, except weights of 0, which must stay at 0.
    for (const i of [...small, ...large]) if ((weights[i] as number) > 0) chance[i] = 1;
    this.count = count;
    this.columns = new Float64Array(2 * count);
    for (let i = 0; i < count; i++) this.columns.set([chance[i] as number, alias[i] as number], 2 * i);
  }

  /** One index. */
  sample(random: RandomSource): number {
    const place = random.next() * this.count;
    const column = place | 0;
    const alias = (this.columns[2 * column + 1] as number) | 0;
    // Chosen by arithmetic: no processor can guess this branch, and guessing wrong costs more than the draw.
    const kept = +(place - column < (this.columns[2 * column] as number));
    return alias + kept * (column - alias);
  }
}

/** Draws negatives for skip-gram: words by `count^power`, never the excluded word. */
export class NegativeSampler {
  private readonly sampler: AliasSampler;
  private readonly weights: Float64Array;
  private readonly cumulative: Float64Array;

  /**
   * A sampler over the words' counts, indexed by id; `power` is 0.75 in Mikolov et al. 2013.
   * @throws `argument` for a count or power that is negative, or when fewer than two words have a count.
   */
  constructor(counts: ArrayLike<number>, power = 0.75) {
    if (!(power >= 0)) throw argumentError("NegativeSampler", "power", "a number from 0", power);
    this.weights = Float64Array.from(counts, (count) => (count === 0 ? 0 : count ** power));
    this.sampler = new AliasSampler(this.weights);
    if (this.weights.filter((weight) => weight > 0).length < 2) {
      throw argumentError("NegativeSampler", "counts", "positive for at least two words", 1);
    }
    this.cumulative = this.weights.slice();
    for (let i = 1; i < this.cumulative.length; i++) {
      this.cumulative[i] = (this.cumulative[i] as number) + (this.cumulative[i - 1] as number);
    }
  }

  /** A word that is not `excluded`, with the chances that the others have when it is left out. */
  sample(excluded: number, random: RandomSource): number {
    const word = this.sampler.sample(random);
    // A second draw among the others, instead of drawing until it fits: the same chances, and always an end.
    return word === excluded ? this.sampleOther(excluded, random) : word;
  }

  /**
   * Negatives for a batch, none equal to its row's context word: [batch, count].
   * @throws `argument` for a count out of range, `index` for a word outside the vocabulary.
   */
  negatives(contextWords: ArrayLike<number>, count: number, random: RandomSource): IdBlock {
    return this.block("NegativeSampler.negatives", contextWords, count, random, false);
  }

  /**
   * The words that each pair of a batch is scored against: its context word, then negatives as `negatives` gives them;
   * [batch, 1 + count]. @throws `argument`, `index`
   */
  candidates(contextWords: ArrayLike<number>, count: number, random: RandomSource): IdBlock {
    return this.block("NegativeSampler.candidates", contextWords, count, random, true);
  }

  private block(
    op: string,
    contextWords: ArrayLike<number>,
    count: number,
    random: RandomSource,
    withContext: boolean,
  ): IdBlock {
    if (!Number.isInteger(count) || count < 1) throw argumentError(op, "count", "a positive integer", count);
    const width = count + (withContext ? 1 : 0);
    const data = new Int32Array(contextWords.length * width);
    const words = this.weights.length;
    let at = 0;
    for (let row = 0; row < contextWords.length; row++) {
      const excluded = contextWords[row] as number;
      if (!(excluded >= 0 && excluded < words)) {
        const why = `word out of range, got ${excluded}, expected 0 to ${words - 1}`;
        throw new TensorError("index", `${op}: ${why}`, { op: "NegativeSampler", excluded });
      }
      if (withContext) data[at++] = excluded;
      for (const end = at + count; at < end; at++) data[at] = this.sample(excluded, random);
    }
    return { data, shape: [contextWords.length, width] };
  }

  private sampleOther(excluded: number, random: RandomSource): number {
    const { cumulative, weights } = this;
    const own = weights[excluded] as number;
    const before = (cumulative[excluded] as number) - own;
    const drawn = random.next() * ((cumulative.at(-1) as number) - own);
    const wanted = drawn < before ? drawn : drawn + own;
    // The first word whose cumulative weight lies above what was drawn.
    let low = 0;
    let high = cumulative.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] as number) > wanted) high = middle;
      else low = middle + 1;
    }
    // Rounding can land on a word that may not be drawn: the nearest one that may is as good.
    for (let away = 0; ; away++) {
      for (const word of [low + away, low - away]) if (word !== excluded && (weights[word] ?? 0) > 0) return word;
    }
  }
}

function sumWeights(op: string, weights: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] as number;
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY)) {
      throw argumentError(op, `weights[${i}]`, "a finite number from 0", weight);
    }
    total += weight;
  }
  if (!(total > 0)) throw argumentError(op, "weights", "positive somewhere", total);
  return total;
}
