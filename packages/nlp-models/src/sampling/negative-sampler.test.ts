// Samplers against the chances they should have: by the alias table itself where possible, else by counting.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorLike, seededRandom } from "../test-helpers.js";
import { AliasSampler, NegativeSampler } from "./negative-sampler.js";

/** Chances of an alias sampler, measured on an even grid of random numbers. */
function chancesOf(sampler: AliasSampler, count: number, grid: number): number[] {
  const hits = new Array<number>(count).fill(0);
  for (let i = 0; i < grid; i++) {
    const word = sampler.sample({ next: () => (i + 0.5) / grid });
    hits[word] = (hits[word] as number) + 1 / grid;
  }
  return hits;
}

describe("AliasSampler", () => {
  it("draws by weight, for any weights", () => {
    const weights = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 1e-9, max: 1e9, noNaN: true })), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(weights, (drawn) => {
        const total = drawn.reduce((sum, weight) => sum + weight, 0);
        fc.pre(total > 0);
        const grid = 24_000;
        const chances = chancesOf(new AliasSampler(drawn), drawn.length, grid);
        drawn.forEach((weight, i) => {
          // Every column may be off by one point of the grid.
          expect(Math.abs((chances[i] as number) - weight / total)).toBeLessThan((drawn.length + 1) / grid);
          if (weight === 0) expect(chances[i]).toBe(0);
        });
      }),
    );
  });

  it("takes one random number a draw", () => {
    let draws = 0;
    new AliasSampler([1, 2, 3]).sample({ next: () => ++draws / 10 });
    expect(draws).toBe(1);
  });

  it.each([
    [[], "weights must be positive somewhere, got 0"],
    [[0, 0], "weights must be positive somewhere, got 0"],
    [[1, -1], "weights[1] must be a finite number from 0, got -1"],
    [[Number.NaN], "weights[0] must be a finite number from 0, got NaN"],
    [[Number.POSITIVE_INFINITY], "got Infinity"],
  ])("refuses the weights %j", (weights, message) => {
    expect(() => new AliasSampler(weights)).toThrow(errorLike("argument", message));
  });
});

describe("NegativeSampler", () => {
  it("puts the context before the negatives that it would draw alone", () => {
    const sampler = new NegativeSampler([5, 4, 3, 2, 1]);
    const contexts = [1, 3, 1, 0];
    const negatives = sampler.negatives(contexts, 2, seededRandom(8));
    const { data, shape } = sampler.candidates(contexts, 2, seededRandom(8));
    expect(shape).toEqual([4, 3]);
    contexts.forEach((context, i) => {
      expect([...data.subarray(3 * i, 3 * i + 3)]).toEqual([context, ...negatives.data.subarray(2 * i, 2 * i + 2)]);
    });
  });

  it("draws others in the ratio of count^0.75", () => {
    const counts = [1000, 16, 81, 0, 256];
    const sampler = new NegativeSampler(counts);
    const draws = 60_000;
    const hits = [0, 0, 0, 0, 0];
    const random = seededRandom(12);
    for (let i = 0; i < draws; i++) {
      const word = sampler.sample(0, random);
      hits[word] = (hits[word] as number) + 1;
    }
    // 16^¾ = 8, 81^¾ = 27, 256^¾ = 64, of 99; five standard deviations are below 620.
    [0, 8, 27, 0, 64].forEach((weight, i) => {
      expect(Math.abs((hits[i] as number) - (draws * weight) / 99)).toBeLessThan(620);
    });
    expect([hits[0], hits[3]]).toEqual([0, 0]);
  });

  it("never draws the excluded word nor one without a count, whatever the random numbers are", () => {
    const edges = fc.oneof(
      fc.constant(0),
      fc.constant(1 - 2 ** -53),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    );
    const counts = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1_000_000 })), {
      minLength: 2,
      maxLength: 9,
    });
    fc.assert(
      fc.property(counts, edges, edges, (drawn, first, second) => {
        fc.pre(drawn.filter((count) => count > 0).length >= 2);
        const sampler = new NegativeSampler(drawn);
        drawn.forEach((_, excluded) => {
          const numbers = [first, second];
          const word = sampler.sample(excluded, { next: () => numbers.shift() as number });
          expect(word).not.toBe(excluded);
          expect(drawn[word]).toBeGreaterThan(0);
        });
      }),
      { numRuns: 500 },
    );
  });

  it("ends even when the excluded word is nearly all there is", () => {
    const sampler = new NegativeSampler([1e15, 1]);
    expect(sampler.sample(0, seededRandom(1))).toBe(1);
  });

  it("gives a batch of negatives with their shape", () => {
    const sampler = new NegativeSampler([5, 5, 5]);
    const { data, shape } = sampler.negatives([0, 1, 2, 1], 6, seededRandom(3));
    expect(shape).toEqual([4, 6]);
    expect(data).toHaveLength(24);
    [0, 1, 2, 1].forEach((context, row) => {
      expect(data.subarray(6 * row, 6 * row + 6)).not.toContain(context);
    });
    expect(sampler.negatives([0, 1, 2, 1], 6, seededRandom(3)).data).toEqual(data);
  });

  it.each([
    [() => new NegativeSampler([5]), "argument", "counts must be positive for at least two words"],
    [() => new NegativeSampler([5, 0]), "argument", "counts must be positive for at least two words"],
    [() => new NegativeSampler([5, -1]), "argument", "weights[1] must be a finite number from 0, got NaN"],
    [() => new NegativeSampler([5, 5], -1), "argument", "power must be a number from 0, got -1"],
    [
      () => new NegativeSampler([5, 5]).negatives([0], 0, seededRandom(1)),
      "argument",
      "count must be a positive integer, got 0",
    ],
    [
      () => new NegativeSampler([5, 5]).negatives([2], 1, seededRandom(1)),
      "index",
      "word out of range, got 2, expected 0 to 1",
    ],
  ])("refuses what makes no sense: %s", (call, code, message) => {
    expect(call).toThrow(errorLike(code, message));
  });
});
