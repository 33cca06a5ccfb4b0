// Medians, spreads and exponents against numbers worked out by hand.
import { describe, expect, it } from "vitest";
import { exponentOf, measurementOf, quantile } from "./statistics.js";

describe("quantile", () => {
  it.each([
    { values: [3, 1, 2], share: 0.5, gives: 2 },
    { values: [4, 1, 3, 2], share: 0.5, gives: 2.5 },
    { values: [1, 2, 3, 4, 5], share: 0.25, gives: 2 },
    { values: [10, 20], share: 0.75, gives: 17.5 },
    { values: [7], share: 0.9, gives: 7 },
  ])("of $values at $share is $gives", ({ values, share, gives }) => {
    expect(quantile(values, share)).toBe(gives);
  });
});

describe("a measurement", () => {
  const rounds = [
    [10, 11, 90],
    [12, 12, 12],
    [9, 14, 13],
  ];

  it("takes the median of the rounds' medians and half the distance of their quartiles", () => {
    // Medians 11, 12, 13: quartiles 11.5 and 12.5.
    expect(measurementOf("x", rounds, "median")).toEqual({ peer: "x", time: 12, spread: 0.5 / 12 });
  });

  it("or the fastest sample, with what was said besides", () => {
    expect(measurementOf("x", rounds, "best", { check: 2 })).toMatchObject({ time: 9, check: 2 });
  });
});

it("finds the exponent that values grow by", () => {
  const points = [1, 2, 4, 8].map((x) => ({ x, y: 5 * x ** 1.5 }));
  expect(exponentOf(points)).toBeCloseTo(1.5, 12);
});
