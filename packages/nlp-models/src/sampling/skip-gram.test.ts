// Skip-gram pairs against brute force, and the distributions of what is drawn.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorLike, seededRandom } from "../test-helpers.js";
import { keepProbabilities, type SkipGramPairs, skipGramPairs, skipGramStream } from "./skip-gram.js";
import { countIds, tokenLines } from "./token-lines.js";

const listed = ({ targetWords, contextWords }: SkipGramPairs): string[] =>
  [...targetWords].map((target, i) => `${target} ${contextWords[i]}`);

/** Draws the largest reach and keeps every word. */
const largest = { next: () => 1 - 2 ** -32 };

describe("tokenLines and countIds", () => {
  it("keeps lines apart, empty ones too", () => {
    const { ids, starts } = tokenLines([[4, 5], [], [6]]);
    expect([...ids]).toEqual([4, 5, 6]);
    expect([...starts]).toEqual([0, 2, 2, 3]);
    expect([...tokenLines([]).starts]).toEqual([0]);
  });

  it("grows over any number of ids", () => {
    const lines = Array.from({ length: 300 }, (_, i) => Int32Array.from({ length: i }, () => i));
    expect([...tokenLines(lines).ids]).toEqual(lines.flatMap((line) => [...line]));
  });

  it("counts, and refuses ids outside", () => {
    expect([...countIds([0, 2, 2], 4)]).toEqual([1, 0, 2, 0]);
    expect(() => countIds([0, 4], 4)).toThrow(errorLike("index", "countIds: id out of range, got 4, expected 0 to 3"));
    expect(() => countIds([], 0)).toThrow(errorLike("argument", "vocabSize must be a positive integer, got 0"));
  });
});

describe("keepProbabilities", () => {
  it("is √(s/f) + s/f, at most 1 (values by word2vec.c's formula)", () => {
    const keep = keepProbabilities([9000, 900, 99, 1, 0], 1e-3);
    const formula = (share: number) => Math.sqrt(1e-3 / share) + 1e-3 / share;
    expect(keep[0]).toBeCloseTo(formula(0.9), 12);
    expect(keep[1]).toBeCloseTo(formula(0.09), 12);
    expect([...keep.subarray(2)]).toEqual([expect.closeTo(formula(0.0099), 12), 1, 1]);
  });

  it.each([0, -1, Number.NaN])("refuses the threshold %d", (threshold) => {
    expect(() => keepProbabilities([1], threshold)).toThrow(errorLike("argument", "threshold must be positive"));
  });
});

describe("skipGramPairs", () => {
  it("makes every pair within the window and the line, when the reach is largest", () => {
    const lines = fc.array(fc.array(fc.nat({ max: 5 }), { maxLength: 7 }), { maxLength: 4 });
    fc.assert(
      fc.property(lines, fc.integer({ min: 1, max: 4 }), (texts, window) => {
        const expected: string[] = [];
        for (const line of texts) {
          line.forEach((target, i) => {
            line.forEach((context, j) => {
              if (i !== j && Math.abs(i - j) <= window) expected.push(`${target} ${context}`);
            });
          });
        }
        const pairs = skipGramPairs(tokenLines(texts), { window, random: largest });
        expect(listed(pairs).sort()).toEqual(expected.sort());
      }),
    );
  });

  it("draws a reach from 1 to the window for every word, the same to both sides", () => {
    // Distinct words 0 … 2999 in one line: a pair's distance is the difference of its words.
    const count = 3000;
    const corpus = tokenLines([Int32Array.from({ length: count }, (_, i) => i)]);
    const { targetWords, contextWords } = skipGramPairs(corpus, { window: 5, random: seededRandom(8) });
    const reach = new Map<number, number>();
    const atDistance = [0, 0, 0, 0, 0, 0];
    targetWords.forEach((target, i) => {
      const distance = Math.abs(target - (contextWords[i] as number));
      atDistance[distance] = (atDistance[distance] as number) + 1;
      reach.set(target, Math.max(distance, reach.get(target) ?? 0));
    });
    // A word at distance d is reached with chance (6 - d) / 5, from both sides.
    for (let d = 1; d <= 5; d++) {
      expect(Math.abs((atDistance[d] as number) - (2 * count * (6 - d)) / 5)).toBeLessThan(300);
    }
    const inside = [...reach].filter(([word]) => word >= 5 && word < count - 5);
    const pairs = inside.reduce((sum, [, far]) => sum + 2 * far, 0);
    expect(targetWords.filter((word) => word >= 5 && word < count - 5)).toHaveLength(pairs);
  });

  it("thins out words before it lays windows", () => {
    // Word 1 is never kept, so its neighbours become neighbours.
    const corpus = tokenLines([
      [0, 1, 2],
      [1, 1],
      [3, 1],
    ]);
    const keep = Float64Array.of(1, 0, 1, 1);
    const pairs = skipGramPairs(corpus, { window: 1, keep, random: seededRandom(1) });
    expect(listed(pairs).sort()).toEqual(["0 2", "2 0"]);
  });

  it("keeps a word in the share it is told", () => {
    const corpus = tokenLines([new Int32Array(20_000)]);
    const pairs = skipGramPairs(corpus, { window: 1, keep: Float64Array.of(0.3), random: seededRandom(2) });
    // Two pairs a kept word, 6000 words expected, standard deviation 65.
    expect(Math.abs(pairs.targetWords.length / 2 - 6000)).toBeLessThan(325);
  });

  it("shuffles both arrays together, by the seed", () => {
    const corpus = tokenLines([Int32Array.from({ length: 500 }, (_, i) => i)]);
    const make = (seed: number) => skipGramPairs(corpus, { window: 1, random: seededRandom(seed) });
    const { targetWords, contextWords } = make(4);
    expect(targetWords.every((target, i) => Math.abs(target - (contextWords[i] as number)) === 1)).toBe(true);
    expect(targetWords).not.toEqual(Int32Array.from(targetWords).sort());
    expect(make(4)).toEqual({ targetWords, contextWords });
    expect(make(5)).not.toEqual({ targetWords, contextWords });
  });

  it("refuses a window or ids that make no sense", () => {
    const corpus = tokenLines([[0, 1]]);
    const random = seededRandom(1);
    expect(() => skipGramPairs(corpus, { random, window: 0 })).toThrow(
      errorLike("argument", "window must be a positive"),
    );
    const keep = Float64Array.of(1);
    expect(() => skipGramPairs(corpus, { random, keep })).toThrow(errorLike("index", "no chance in keep for id 1"));
  });
});

describe("skipGramStream", () => {
  it("makes the pairs pool by pool, whole lines each", async () => {
    const lines = [[0, 1], [2, 3, 4], [5], [6, 7]];
    const pools: string[][] = [];
    for await (const pairs of skipGramStream(lines, { window: 1, random: largest, poolWords: 4 })) {
      pools.push(listed(pairs).sort());
    }
    expect(pools).toEqual([
      ["0 1", "1 0", "2 3", "3 2", "3 4", "4 3"],
      ["6 7", "7 6"],
    ]);
  });

  it("refuses a pool of nothing", async () => {
    const stream = skipGramStream([[1]], { random: largest, poolWords: 0 });
    await expect(stream.next()).rejects.toThrow(errorLike("argument", "poolWords must be a positive integer, got 0"));
  });
});
