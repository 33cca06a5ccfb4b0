// Which examples go together. Expected buckets come from the Python reference's `buckets` (random.shuffle's draws fed in).

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorLike, seededRandom } from "../test-helpers.js";
import { endless, indexBatches, lengthBuckets } from "./index-batches.js";

describe("indexBatches", () => {
  it.each([
    [7, 3, {}, [[0, 1, 2], [3, 4, 5], [6]]],
    [
      7,
      3,
      { dropLast: true },
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ],
    [
      6,
      3,
      { dropLast: true },
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ],
    [0, 3, { dropLast: true }, []],
  ])("cuts %d by %d with %j", (count, size, options, expected) => {
    expect(indexBatches(count, size, options)).toEqual(expected);
  });

  it("gives each index once, in another order, when shuffled", () => {
    const batches = indexBatches(100, 8, { random: seededRandom(3) });
    expect(batches.map((batch) => batch.length)).toEqual([...new Array<number>(12).fill(8), 4]);
    expect(batches.flat()).not.toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(batches.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });
});

describe("lengthBuckets", () => {
  it("sorts by length inside a pool, equal lengths by place", () => {
    expect(lengthBuckets([3, 1, 2, 1, 3], 2)).toEqual([[1, 3], [2, 0], [4]]);
  });

  it("sorts inside each pool only", () => {
    expect(lengthBuckets([4, 3, 2, 1, 0], 1, { poolBatches: 2 })).toEqual([[1], [0], [3], [2], [4]]);
  });

  it("compares several lengths in turn", () => {
    const keys = [
      [2, 1],
      [1, 9],
      [2, 0],
      [1, 2],
    ];
    expect(lengthBuckets(keys, 4)).toEqual([[3, 1, 2, 0]]);
  });

  it("equals the reference, shuffled, draw for draw", () => {
    const keys = Array.from({ length: 23 }, (_, i) => (i * 7) % 5);
    const draws = [...SHUFFLED.draws];
    const batches = lengthBuckets(keys, 4, { poolBatches: 3, random: { next: () => draws.shift() as number } });
    expect(batches).toEqual(SHUFFLED.batches);
    expect(draws).toEqual([]);
  });

  it("covers all examples in batches of one pool, sorted, for any lengths", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 9 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer(),
        (keys, size, poolBatches, seed) => {
          const batches = lengthBuckets(keys, size, { poolBatches, random: seededRandom(seed) });
          expect(batches.flat().sort((a, b) => a - b)).toEqual(keys.map((_, i) => i));
          for (const batch of batches) {
            expect(batch.length).toBeLessThanOrEqual(size);
            const lengths = batch.map((i) => keys[i] as number);
            expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
          }
          expect(lengthBuckets(keys, size, { poolBatches, random: seededRandom(seed) })).toEqual(batches);
        },
      ),
    );
  });

  it.each([
    [() => lengthBuckets([1], 0), "lengthBuckets: batchSize must be a positive integer, got 0"],
    [
      () => lengthBuckets([1], 1, { poolBatches: 0.5 }),
      "lengthBuckets: poolBatches must be a positive integer, got 0.5",
    ],
    [() => indexBatches(3, Number.NaN), "indexBatches: batchSize must be a positive integer, got NaN"],
  ])("refuses sizes: %s", (call, message) => {
    expect(call).toThrow(errorLike("argument", message));
  });
});

describe("endless", () => {
  it("goes on with a fresh epoch", () => {
    let epochs = 0;
    const items = endless(() => [`${++epochs}a`, `${epochs}b`]);
    expect(Array.from({ length: 5 }, () => items.next().value)).toEqual(["1a", "1b", "2a", "2b", "3a"]);
  });

  it("does not spin on an empty epoch", () => {
    expect(() => endless(() => []).next()).toThrow(errorLike("argument", "at least one item an epoch"));
  });
});

// Python's draws with seed 11, and what `buckets` made of them with pools of three batches.
const SHUFFLED = {
  draws: [
    0.630435, 0.795455, 0.690476, 0.725, 0.868421, 0.361111, 0.323529, 0.96875, 0.7, 0.678571, 0.961538, 0.208333,
    0.136364, 0.75, 0.5, 0.3125, 0.071429, 0.75, 0.1, 0.875, 0.5, 0.25, 0.75, 0.1, 0.125, 0.166667, 0.25,
  ],
  batches: [
    [8, 21, 11, 1],
    [19, 4, 7, 2],
    [10, 15, 5, 20],
    [12, 22, 17],
    [0, 13, 18, 3],
    [6, 16, 9, 14],
  ],
};
