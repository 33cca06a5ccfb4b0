// The loss of scores that were computed before, against the loss of the vectors.

import { cat, Generator, randn, type Tensor } from "@torchium/tensor";
import { expect, test } from "vitest";
import { Word2VecLoss } from "./word2vec-loss.js";

const generator = new Generator(5);
const [target, context, negatives] = [
  [4, 3],
  [4, 3],
  [4, 2, 3],
].map((shape) => randn(...shape, { generator })) as [Tensor, Tensor, Tensor];

test.each(["none", "sum", "mean"] as const)(
  "ofScores is forward, reduced by %s, with its gradient",
  async (reduction) => {
    const loss = new Word2VecLoss({ reduction, negativeSamples: 2 });
    const vectors = target.detach();
    vectors.requiresGrad = true;
    const scoresOf = (t: Tensor): Tensor => {
      const words = [context.unsqueeze(1), negatives];
      return cat(
        words.map((w) => w.mul(t.unsqueeze(1)).sum(-1)),
        1,
      );
    };
    const results: number[][] = [];
    for (const run of [() => loss.forward(vectors, context, negatives), () => loss.ofScores(scoresOf(vectors))]) {
      const value = run();
      value.sum().backward();
      results.push([...((await value.data()) as Float32Array), ...((await vectors.grad!.data()) as Float32Array)]);
      vectors.grad = undefined;
    }
    results[1]!.forEach((x, i) => expect(x).toBeCloseTo(results[0]![i]!, 5));
  },
);

test("refuses scores without negatives, or with another number of them", () => {
  expect(() => new Word2VecLoss().ofScores(randn(4, 1))).toThrow(/at least one negative/);
  expect(() => new Word2VecLoss({ negativeSamples: 5 }).ofScores(randn(4, 3))).toThrow(/expected \[any, 6\]/);
});
