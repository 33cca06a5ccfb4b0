// The seeded source against the generator's published recurrence (words computed in Python), and its state.

import { describe, expect, it } from "vitest";
import { errorLike } from "../test-helpers.js";
import { SeededRandom, type SeededRandomState } from "./seeded-random.js";

const take = (random: SeededRandom, count: number) => Array.from({ length: count }, () => random.next());

describe("SeededRandom", () => {
  it.each([
    [0, [1363572419, 145230303, 808754475, 4216505632]],
    [1337, [568568711, 1674057593, 3072171317, 2936737990]],
    [2 ** 53 - 1, [3268402823, 2602357022, 3266425223, 182731693]],
  ])("gives sfc32's words for the seed %d", (seed, words) => {
    expect(take(new SeededRandom(seed), 4).map((value) => value * 2 ** 32)).toEqual(words);
  });

  it("goes on from a stored state, bit for bit", () => {
    const random = new SeededRandom(7);
    take(random, 100);
    const stored: unknown = JSON.parse(JSON.stringify(random.state));
    const expected = take(random, 50);
    const again = new SeededRandom(0);
    again.state = stored as SeededRandomState;
    expect(take(again, 50)).toEqual(expected);
  });

  it("is even over its range", () => {
    const random = new SeededRandom(3);
    const bins = new Array<number>(16).fill(0);
    for (const value of take(random, 160_000))
      bins[Math.floor(16 * value)] = (bins[Math.floor(16 * value)] as number) + 1;
    // 10,000 each; five standard deviations are 485.
    for (const count of bins) expect(Math.abs(count - 10_000)).toBeLessThan(485);
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53])("refuses the seed %d", (seed) => {
    expect(() => new SeededRandom(seed)).toThrow(errorLike("argument", "seed must be an integer from 0 to 2^53 - 1"));
  });

  it.each([[[1, 2, 3]], [[1, 2, 3, 2 ** 31]], [[1, 2, 3, 0.5]], ["1234"], [null]])("refuses the state %j", (state) => {
    const random = new SeededRandom(1);
    expect(() => {
      random.state = state as unknown as SeededRandomState;
    }).toThrow(errorLike("format", "the state is not four 32-bit integers"));
  });
});
