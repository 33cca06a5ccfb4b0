// What the CRF functions promise beside the losses built on them: their difference, their limits, their errors.

import { describe, expect, test } from "vitest";
import { grad } from "../../control.js";
import { rand, randint, randn, tensor, zeros } from "../../creation.js";
import { TensorError } from "../../errors.js";
import { Generator } from "../../random.js";
import { crfDecode, crfLogPartition, crfMarginals, crfNegativeLogLikelihood, crfScore } from "./crf.js";

const generator = new Generator(3);
const draw = { dtype: "float64", generator } as const;
const scores = { start: randn(3, draw), end: randn(3, draw), transitions: randn(3, 3, draw) };
const emissions = randn(5, 2, 3, draw);
const tags = randint(0, 3, [5, 2], { generator });
const mask = tensor(Uint8Array.of(1, 1, 1, 0, 0, 1, 1, 0, 1, 1), { shape: [5, 2], dtype: "bool" });

test("the negative log-likelihood is the log partition less the score", async () => {
  for (const m of [undefined, mask]) {
    const difference = crfLogPartition(emissions, m, scores).sub(crfScore(emissions, tags, m, scores));
    const together = await crfNegativeLogLikelihood(emissions, tags, m, scores).data();
    (await difference.data()).forEach((x, i) => expect(together[i]).toBeCloseTo(x, 12));
  }
});

test("the marginals are the gradient of the log partition, and sum to 1", async () => {
  const x = emissions.clone();
  x.requiresGrad = true;
  const [slope] = grad(crfLogPartition(x, mask, scores).sum(), [x]);
  expect(await crfMarginals(x, mask, scores).toArray()).toEqual(await slope!.toArray());
  const sums = await crfMarginals(x, undefined, scores).sum(-1).data();
  for (const sum of sums) expect(sum).toBeCloseTo(1, 12);
});

test("scores of −∞ rule tags out, and every tag can be ruled in", async () => {
  const only = (tag: number) =>
    tensor(
      [0, 1, 2].map((from) => [0, 1, 2].map((to) => (from === to && to === tag ? 0 : Number.NEGATIVE_INFINITY))),
      { dtype: "float64" },
    );
  for (const tag of [0, 1, 2]) {
    const ruled = { ...scores, transitions: only(tag) };
    expect(new Set((await crfDecode(emissions, undefined, ruled).data()).values())).toEqual(new Set([tag]));
    const all = zeros([5, 2], { dtype: "int32" }).add(tag);
    const losses = await crfNegativeLogLikelihood(emissions, all, undefined, ruled).data();
    for (const loss of losses) expect(Math.abs(loss)).toBeLessThan(1e-12);
  }
});

describe("errors", () => {
  const failure = (fn: () => unknown): TensorError => {
    try {
      fn();
    } catch (error) {
      return error as TensorError;
    }
    throw new Error("expected an error");
  };

  test("name the argument, what was got and what was expected", () => {
    const wrong = failure(() => crfDecode(emissions, undefined, { ...scores, transitions: zeros(3, 2) }));
    expect(wrong.message).toBe("crfDecode: transitions has the wrong shape, got [3, 2], expected [3, 3]");
    expect(failure(() => crfScore(emissions.select(0, 0), tags, undefined, scores)).code).toBe("shape");
    expect(failure(() => crfScore(emissions, tags.to("float64"), undefined, scores)).code).toBe("dtype");
    expect(failure(() => crfLogPartition(emissions.to("int32"), undefined, scores)).code).toBe("dtype");
  });

  test("find tags that only the device knows when a value is read", async () => {
    const loss = crfNegativeLogLikelihood(emissions, tags.add(7), undefined, scores);
    const error = await loss.data().catch((e: unknown) => e);
    expect(TensorError.is(error, "index")).toBe(true);
  });

  test("refuse gradients of gradients", () => {
    const x = rand(5, 2, 3, { ...draw, requiresGrad: true });
    const loss = crfLogPartition(x, undefined, scores).sum();
    expect(failure(() => grad(loss, [x], { createGraph: true })).code).toBe("unsupported");
  });
});
