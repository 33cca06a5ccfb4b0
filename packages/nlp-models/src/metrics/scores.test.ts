// Accuracy, perplexity and rank correlation; correlations were computed by the reference and by SciPy.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorLike } from "../test-helpers.js";
import { accuracy, PerplexityAccumulator } from "./accuracy.js";
import { pearson, ranks, spearman } from "./spearman.js";

describe("accuracy", () => {
  it("is the share of right places, ignored ones left out", () => {
    expect(accuracy([1, 2, 3, 4], [1, 0, 3, -100])).toBe(2 / 3);
    expect(accuracy([1, 2], [0, 2], 0)).toBe(1);
    expect(accuracy(Int32Array.of(1), Float32Array.of(1))).toBe(1);
  });

  it("refuses what cannot be scored", () => {
    expect(() => accuracy([1], [1, 2])).toThrow(errorLike("argument", "predicted must be as long as truth (2), got 1"));
    expect(() => accuracy([1], [-100])).toThrow(errorLike("argument", "at least one place that counts"));
  });
});

describe("PerplexityAccumulator", () => {
  it("is exp of the mean over all tokens, not the mean of the batches", () => {
    const corpus = new PerplexityAccumulator();
    corpus.add(Math.log(2), 30);
    corpus.add(Math.log(16), 10);
    corpus.add(99, 0);
    expect(corpus.tokens).toBe(40);
    expect(corpus.meanLoss).toBeCloseTo((30 * Math.log(2) + 10 * Math.log(16)) / 40, 12);
    expect(corpus.perplexity).toBeCloseTo(2 ** 1.75, 12);
  });

  it("has no value before the first token", () => {
    expect(new PerplexityAccumulator().perplexity).toBeNaN();
    expect(() => new PerplexityAccumulator().add(1, 0.5)).toThrow(
      errorLike("argument", "tokens must be a whole number"),
    );
  });
});

describe("spearman", () => {
  it.each([
    [[1, 2, 3, 4, 5], [5, 6, 7, 8, 7], 0.8207826816681234],
    [[1, 1, 2, 3], [2, 1, 2, 2], 0.5443310539518174],
    [[3, 1, 4, 1, 5, 9, 2, 6], [2, 7, 1, 8, 2, 8, 1, 8], 0.19885368120992464],
  ])("of %j and %j", (x, y, expected) => {
    expect(spearman(x, y)).toBeCloseTo(expected, 14);
  });

  it("ranks ties by their mean", () => {
    expect([...ranks([30, 10, 20, 10, 10])]).toEqual([5, 2, 4, 2, 2]);
  });

  it("depends on the order alone", () => {
    const lists = fc.array(fc.tuple(fc.integer(), fc.integer()), { minLength: 2 });
    fc.assert(
      fc.property(lists, (pairs) => {
        const x = pairs.map(([first]) => first);
        const y = pairs.map(([, second]) => second);
        const expected = spearman(x, y);
        const stretched = spearman(
          x.map((value) => Math.atan(value / 1e9)),
          y,
        );
        if (Number.isNaN(expected)) expect(new Set(x).size === 1 || new Set(y).size === 1).toBe(true);
        else {
          expect(stretched).toBeCloseTo(expected, 12);
          expect(spearman(y, x)).toBeCloseTo(expected, 12);
          expect(
            spearman(
              x.map((value) => -value),
              y,
            ),
          ).toBeCloseTo(-expected, 12);
          expect(Math.abs(expected)).toBeLessThanOrEqual(1 + 1e-12);
        }
      }),
    );
  });

  it.each([
    [() => spearman([1, 2], [1]), "y must be as long as x (2), got 1"],
    [() => spearman([1], [1]), "x must be at least two numbers, got 1"],
    [() => pearson([1, Number.NaN], [1, 2]), "pearson: x[1] must be a number, got NaN"],
  ])("refuses what makes no sense: %s", (call, message) => {
    expect(call).toThrow(errorLike("argument", message));
  });
});
