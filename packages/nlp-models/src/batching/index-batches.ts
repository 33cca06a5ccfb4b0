// Which examples go into which batch. Only indices are made here; the same random source gives the same batches.

import { argumentError } from "@torchium/tensor";
import { permutation, type RandomSource, shuffleInPlace } from "./random-source.js";

/** Settings of `indexBatches`. */
export interface IndexBatchOptions {
  /** Shuffle with this source; in order without it. */
  readonly random?: RandomSource;
  /** Leave out a last batch that is not full; false by default. */
  readonly dropLast?: boolean;
}

/** The indices `0 … count - 1` cut into batches. @throws `argument` for sizes out of range. */
export function indexBatches(count: number, batchSize: number, options: IndexBatchOptions = {}): number[][] {
  checkBatchSize("indexBatches", batchSize);
  const { random, dropLast = false } = options;
  const order = random === undefined ? Array.from({ length: count }, (_, i) => i) : [...permutation(count, random)];
  const batches = cut(order, batchSize);
  if (dropLast && (batches.at(-1)?.length ?? batchSize) < batchSize) batches.pop();
  return batches;
}

/** Settings of `lengthBuckets`. */
export interface LengthBucketOptions {
  /** Shuffle examples and batches with this source; in order without it. */
  readonly random?: RandomSource;
  /** Examples are sorted inside pools of this many batches; 50 by default. */
  readonly poolBatches?: number;
}

/**
 * Index batches of examples of similar length, so that little is padding: shuffle, sort by key inside pools, cut,
 * shuffle the batches. A key is a length, or several that are compared in turn; equal keys keep their order.
 * @throws `argument` for sizes out of range.
 */
export function lengthBuckets(
  keys: readonly (number | readonly number[])[],
  batchSize: number,
  options: LengthBucketOptions = {},
): number[][] {
  checkBatchSize("lengthBuckets", batchSize);
  const { random, poolBatches = 50 } = options;
  if (!Number.isInteger(poolBatches) || poolBatches < 1) {
    throw argumentError("lengthBuckets", "poolBatches", "a positive integer", poolBatches);
  }
  const order = keys.map((_, i) => i);
  if (random !== undefined) shuffleInPlace(order, random);
  const batches = cut(order, poolBatches * batchSize).flatMap((pool) =>
    cut(
      pool.sort((a, b) => compareKeys(keys[a] as Key, keys[b] as Key)),
      batchSize,
    ),
  );
  return random === undefined ? batches : shuffleInPlace(batches, random);
}

/** Epochs one after the other without end: what `makeEpoch` gives, again and again. */
export function* endless<T>(makeEpoch: () => Iterable<T>): Generator<T, never> {
  for (;;) {
    let some = false;
    for (const item of makeEpoch()) {
      some = true;
      yield item;
    }
    if (!some) throw argumentError("endless", "makeEpoch", "at least one item an epoch", 0);
  }
}

type Key = number | readonly number[];

function compareKeys(a: Key, b: Key): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const left = typeof a === "number" ? [a] : a;
  const right = typeof b === "number" ? [b] : b;
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i] as number) - (right[i] as number);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function cut<T>(items: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start < items.length; start += size) parts.push(items.slice(start, start + size));
  return parts;
}

function checkBatchSize(op: string, batchSize: number): void {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw argumentError(op, "batchSize", "a positive integer", batchSize);
  }
}
