// Batches of a dataset, epoch after epoch, in an order that a seed decides.
// The order of an epoch depends on the seed and the epoch alone, so a position is all that resuming needs.

import { argumentError, TensorError } from "../errors.js";
import { defaultGenerator, Generator } from "../random.js";
import { HostRandom, permutation } from "./host-random.js";

/** Items by index. An array is a dataset. */
export interface Dataset<T> {
  readonly length: number;
  at(index: number): T | undefined;
}

/** How a DataLoader makes batches. */
export type DataLoaderOptions<T, B> = {
  /** Items a batch; 1 unless given. */
  readonly batchSize?: number;
  /** Draw a new order each epoch; false unless given. */
  readonly shuffle?: boolean;
  /** Leave out a last batch that is not full; false unless given. */
  readonly dropLast?: boolean;
  /** Makes a batch of its items; without it a batch is what the dataset's `batch` gives, or the array of items. */
  readonly collate?: (items: T[]) => B;
  /** Seeds the orders, once, when the loader is made; the default generator unless given. */
  readonly generator?: Generator;
};

/** What a checkpoint keeps of a DataLoader. */
export type DataLoaderState = {
  /** Seed of the orders. */
  readonly seed: number;
  /** Epochs begun before the current one. */
  readonly epoch: number;
  /** Batches of the current epoch given out. */
  readonly position: number;
  /** Items in the dataset. */
  readonly items: number;
};

/**
 * Iterates over batches: each `for … of` is one epoch. After `loadStateDict` the first one continues the epoch that was
 * interrupted, at the batch after the last that was given out.
 */
export class DataLoader<T, B = T[]> implements Iterable<B> {
  readonly #dataset: Dataset<T> & { batch?(indices: readonly number[]): B };
  readonly #options: Required<Pick<DataLoaderOptions<T, B>, "batchSize" | "shuffle" | "dropLast">>;
  readonly #collate: ((items: T[]) => B) | undefined;
  #seed: number;
  #epoch = 0;
  #position = 0;
  #resuming = false;

  /**
   * @param dataset may offer `batch(indices)`, which makes a whole batch at once
   * @throws TensorError `argument`
   */
  constructor(dataset: Dataset<T> & { batch?(indices: readonly number[]): B }, options: DataLoaderOptions<T, B> = {}) {
    const { batchSize = 1, shuffle = false, dropLast = false, generator = defaultGenerator() } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw argumentError("DataLoader", "batchSize", "an integer of at least 1", batchSize);
    }
    if (!Number.isInteger(dataset?.length) || typeof dataset.at !== "function") {
      throw argumentError("DataLoader", "the dataset", "an array, or an object with `length` and `at`", dataset);
    }
    this.#dataset = dataset;
    this.#options = { batchSize, shuffle, dropLast };
    this.#collate = options.collate;
    this.#seed = shuffle ? seedFrom(generator) : 0;
  }

  /** Batches an epoch. */
  get length(): number {
    const batches = this.#dataset.length / this.#options.batchSize;
    return this.#options.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  *[Symbol.iterator](): IterableIterator<B> {
    if (!this.#resuming && this.#position > 0) this.#startEpoch(this.#epoch + 1);
    this.#resuming = false;
    const epoch = this.#epoch;
    const order = this.#order(epoch);
    const { batchSize } = this.#options;
    for (let batch = this.#position; batch < this.length; batch++) {
      const indices = order.slice(batch * batchSize, (batch + 1) * batchSize);
      const made = this.#make(indices);
      this.#epoch = epoch;
      this.#position = batch + 1;
      yield made;
    }
    this.#startEpoch(epoch + 1);
  }

  /** What to store in a checkpoint: batches that were given out count as done. */
  stateDict(): DataLoaderState {
    return { seed: this.#seed, epoch: this.#epoch, position: this.#position, items: this.#dataset.length };
  }

  /** Continues where `state` was taken. @throws TensorError `format` unless it fits this dataset */
  loadStateDict(state: DataLoaderState): void {
    const { seed, epoch, position, items } = state ?? {};
    if (![seed, epoch, position].every((x) => Number.isSafeInteger(x) && x >= 0)) {
      const message = `DataLoader: the state needs whole numbers seed, epoch and position, got ${JSON.stringify(state)}`;
      throw new TensorError("format", message);
    }
    if (items !== this.#dataset.length) {
      const message = `DataLoader: the state is of another dataset, got ${items} items, expected ${this.#dataset.length}`;
      throw new TensorError("format", message, { got: items, expected: this.#dataset.length });
    }
    this.#seed = seed;
    this.#epoch = epoch;
    this.#position = position;
    this.#resuming = true;
  }

  #startEpoch(epoch: number): void {
    this.#epoch = epoch;
    this.#position = 0;
  }

  #order(epoch: number): number[] {
    const { length } = this.#dataset;
    if (!this.#options.shuffle) return Array.from({ length }, (_, i) => i);
    const generator = new Generator();
    generator.state = { seed: this.#seed, stream: epoch };
    return [...permutation(length, generator)];
  }

  #make(indices: readonly number[]): B {
    const whole = this.#dataset.batch;
    if (!this.#collate && whole) return whole.call(this.#dataset, indices);
    const items = indices.map((i) => this.#dataset.at(i) as T);
    return this.#collate ? this.#collate(items) : (items as B);
  }
}

/** 53 random bits. */
function seedFrom(generator: Generator): number {
  const random = new HostRandom(generator);
  return (random.word() >>> 11) * 2 ** 32 + random.word();
}
