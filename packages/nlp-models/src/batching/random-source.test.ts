// Shuffles: every order is equally likely, nothing is lost, and a seed decides.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorLike, seededRandom } from "../test-helpers.js";
import { permutation, randomInt, shuffleInPlace } from "./random-source.js";

describe("randomInt", () => {
  it("reaches both ends and nothing beyond", () => {
    const ends = [0, 1 - 2 ** -53].map((value) => randomInt({ next: () => value }, 7));
    expect(ends).toEqual([0, 6]);
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses the bound %d", (bound) => {
    expect(() => randomInt(seededRandom(1), bound)).toThrow(errorLike("argument", "bound must be a positive integer"));
  });
});

describe("shuffleInPlace", () => {
  it("keeps all items, for arrays and typed arrays", () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.integer(), (items, seed) => {
        const shuffled = shuffleInPlace([...items], seededRandom(seed));
        const typed = shuffleInPlace(Int32Array.from(items), seededRandom(seed));
        expect([...shuffled].sort()).toEqual([...items].sort());
        expect([...typed]).toEqual([...Int32Array.from(shuffled)]);
      }),
    );
  });

  it("makes every order equally often", () => {
    const random = seededRandom(2024);
    const counts = new Map<string, number>();
    const runs = 24_000;
    for (let i = 0; i < runs; i++) {
      const order = shuffleInPlace([0, 1, 2, 3], random).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // 1000 each; five standard deviations are 155.
    for (const count of counts.values()) expect(Math.abs(count - runs / 24)).toBeLessThan(155);
  });

  it("draws from the end, as Python's random.shuffle does", () => {
    const drawn = [0.1, 0.9, 0.5];
    // 3 ↔ 0, then 2 ↔ 2, then 1 ↔ 1.
    expect(shuffleInPlace([0, 1, 2, 3], { next: () => drawn.shift() as number })).toEqual([3, 1, 2, 0]);
  });
});

describe("permutation", () => {
  it("holds every number once and follows the seed", () => {
    const order = permutation(1000, seededRandom(5));
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(permutation(1000, seededRandom(5))).toEqual(order);
    expect(permutation(0, seededRandom(5))).toHaveLength(0);
  });

  it("refuses a count that is none", () => {
    expect(() => permutation(-1, seededRandom(1))).toThrow(
      errorLike("argument", "count must be a whole number, got -1"),
    );
  });
});
