// The choice of a token: cuts checked against their definitions, draws against their probabilities.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorLike, seededRandom } from "../test-helpers.js";
import { checkRules } from "./request.js";
import { likeliest, logProbabilities, type SamplingOptions, sampleToken } from "./sampling.js";

/** How often each token is drawn. */
function frequencies(logits: number[], options: SamplingOptions, draws = 4000): number[] {
  const random = seededRandom(7);
  const counts = logits.map(() => 0);
  for (let i = 0; i < draws; i++) counts[sampleToken(Float32Array.from(logits), options, random)]!++;
  return counts.map((n) => n / draws);
}

const softmax = (logits: number[]): number[] => {
  const weights = logits.map(Math.exp);
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / total);
};

/** Four standard deviations of a share over 4000 draws are at most 0.032. */
const close = (got: number[], expected: number[]): void => {
  got.forEach((x, i) => {
    expect(Math.abs(x - expected[i]!)).toBeLessThan(expected[i] === 0 ? 1e-9 : 0.032);
  });
};

const logits = [0.1, 2, -1, 1.2, 0.4];

describe("sampleToken", () => {
  it("draws from the softmax", () => close(frequencies(logits, {}), softmax(logits)));

  it("divides by the temperature", () => {
    close(frequencies(logits, { temperature: 0.5 }), softmax(logits.map((x) => x / 0.5)));
    close(frequencies(logits, { temperature: 3 }), softmax(logits.map((x) => x / 3)));
  });

  it("draws among the k likeliest", () => {
    const [, b, , d] = softmax(logits) as [number, number, number, number, number];
    close(frequencies(logits, { topK: 2 }), [0, b / (b + d), 0, d / (b + d), 0]);
    close(frequencies(logits, { topK: 1 }), [0, 1, 0, 0, 0]);
    close(frequencies(logits, { topK: 99 }), softmax(logits));
  });

  it("draws among the fewest that reach the share p", () => {
    const p = softmax([3, 2, 1, 0]) as [number, number, number, number];
    const two = p[0] + p[1];
    close(frequencies([3, 2, 1, 0], { topP: two - 0.01 }), [p[0] / two, p[1] / two, 0, 0]);
    close(frequencies([3, 2, 1, 0], { topP: 1e-6 }), [1, 0, 0, 0]);
    close(frequencies([3, 2, 1, 0], { topP: 1 }), p);
  });

  it("cuts by p what the cut by k has left", () => {
    // Among the two likeliest the first has 0.73: a share of 0.7 is reached by it alone.
    close(frequencies([3, 2, 1.9, 1.8], { topK: 2, topP: 0.7 }), [1, 0, 0, 0]);
  });

  it("keeps the first of equal logits at the cut", () => {
    close(frequencies([1, 1, 1, 0], { topK: 2 }), [0.5, 0.5, 0, 0]);
  });

  it("never draws a token of no weight", () => {
    const none = Number.NEGATIVE_INFINITY;
    close(frequencies([none, 0, none, 0], {}), [0, 0.5, 0, 0.5]);
    close(frequencies([none, 0, none, 0], { topK: 3 }), [0, 0.5, 0, 0.5]);
    close(frequencies([none, 0, none, 0], { topP: 0.99 }), [0, 0.5, 0, 0.5]);
  });

  it("agrees with a plain definition of the cuts", () => {
    const values = fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(
        values,
        fc.integer({ min: 1, max: 12 }),
        fc.double({ min: 0.05, max: 1 }),
        fc.nat(),
        (xs, k, p, s) => {
          const order = xs.map((x, id) => ({ x, id })).sort((a, b) => b.x - a.x || a.id - b.id);
          const best = order.slice(0, k);
          const total = best.reduce((sum, { x }) => sum + Math.exp(x - order[0]!.x), 0);
          let reached = 0;
          const allowed = new Set<number>();
          for (const { x, id } of best) {
            if (reached >= p * total * (1 + 1e-12)) break;
            allowed.add(id);
            reached += Math.exp(x - order[0]!.x);
          }
          const drawn = sampleToken(Float32Array.from(xs), { topK: k, topP: p }, seededRandom(s));
          expect(allowed.has(drawn)).toBe(true);
        },
      ),
    );
  });

  it("takes the likeliest when greedy, the first of equals", () => {
    expect(sampleToken(Float32Array.of(0, 3, 3), { greedy: true }, seededRandom(1))).toBe(1);
  });

  it("refuses logits that are no numbers", () => {
    const random = seededRandom(1);
    const draw =
      (...xs: number[]) =>
      () =>
        sampleToken(Float32Array.from(xs), {}, random);
    expect(draw(0, Number.NaN)).toThrow(errorLike("state", "no finite numbers, got NaN for id 1"));
    expect(draw(0, Number.POSITIVE_INFINITY)).toThrow(errorLike("state", "got Infinity for id 1"));
    expect(draw(Number.NEGATIVE_INFINITY)).toThrow(errorLike("state", "got -Infinity for id 0"));
  });
});

it("finds the likeliest and log-probabilities", () => {
  expect(likeliest(Float32Array.from(logits))).toBe(1);
  const expected = softmax(logits).map(Math.log);
  [...logProbabilities(Float32Array.from(logits))].forEach((x, i) => {
    expect(x).toBeCloseTo(expected[i]!, 6);
  });
});

describe("options of drawing", () => {
  it.each([
    [{ temperature: 0 }, "temperature must be a number above 0 (for the likeliest token say greedy: true), got 0"],
    [{ temperature: Number.NaN }, "got NaN"],
    [{ topK: 0 }, "topK must be a positive integer, got 0"],
    [{ topK: 1.5 }, "got 1.5"],
    [{ topP: 0 }, "topP must be a number above 0, at most 1, got 0"],
    [{ topP: 1.1 }, "got 1.1"],
  ])("refuses %j", (options, message) => {
    expect(() => checkRules("generate", options)).toThrow(errorLike("argument", message));
  });
});
