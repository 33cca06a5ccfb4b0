// Made-up data in the three parts that data sets have. No item is in two of them: what is measured is not memory.
import { TensorError } from "@torchium/tensor";

/** The parts of a data set. */
export interface Split<T> {
  readonly train: readonly T[];
  readonly validation: readonly T[];
  readonly test: readonly T[];
}

/** How many items each part holds. */
export type SplitSizes = Readonly<Record<keyof Split<unknown>, number>>;

/**
 * Makes items until every part is full, leaving out those that were made before.
 * @param key Items with the same key count as the same.
 * @throws TensorError `internal` when the maker hardly makes anything new: its grammar is too small for the sizes.
 */
export function makeSplit<T>(sizes: SplitSizes, make: () => T, key: (item: T) => string): Split<T> {
  const total = sizes.train + sizes.validation + sizes.test;
  const items = new Map<string, T>();
  for (let attempt = 0; items.size < total; attempt++) {
    if (attempt === 50 * total) {
      throw new TensorError("internal", `makeSplit: only ${items.size} different items, expected ${total}`);
    }
    const item = make();
    if (!items.has(key(item))) items.set(key(item), item);
  }
  const all = [...items.values()];
  return {
    train: all.slice(0, sizes.train),
    validation: all.slice(sizes.train, sizes.train + sizes.validation),
    test: all.slice(sizes.train + sizes.validation),
  };
}
