// Options of reductions by name beside those by position, and what reductions refuse.

import { describe, expect, test } from "vitest";
import { TensorError, tensor } from "../index.js";
import type { Tensor } from "../tensor.js";

const x = tensor([
  [1, 5, 3],
  [4, 2, 6],
]);

const reductions = ["sum", "mean", "prod", "amax", "amin", "argmax", "argmin", "logsumexp", "any", "all"] as const;

describe("keepdim", () => {
  test.each(reductions)("%s takes it by name and by position", async (name) => {
    const [named, placed, without] = [x[name](1, { keepdim: true }), x[name](1, true), x[name](1, {})];
    expect([named.shape, placed.shape, without.shape]).toEqual([[2, 1], [2, 1], [2]]);
    expect(await named.toArray()).toEqual(await placed.toArray());
  });

  test("so do max, min, var, std and norm", async () => {
    const both: readonly (readonly [Tensor, Tensor])[] = [
      [x.max(1, { keepdim: true }).indices, x.max(1, true).indices],
      [x.min(1, { keepdim: true }).values, x.min(1, true).values],
      [x.var(1, { keepdim: true, correction: 0 }), x.var(1, true, 0)],
      [x.std(1, { keepdim: true }), x.std(1, true)],
      [x.norm(2, 1, { keepdim: true }), x.norm(2, 1, true)],
    ];
    for (const [named, placed] of both) {
      expect(named.shape).toEqual([2, 1]);
      expect(await named.toArray()).toEqual(await placed.toArray());
    }
  });

  test("descending and largest have names too", async () => {
    expect(await x.sort(1, { descending: true }).values.toArray()).toEqual(await x.sort(1, true).values.toArray());
    expect(await x.topk(1, 1, { largest: false }).values.toArray()).toEqual([[1], [2]]);
  });
});

test.each([
  [() => x.sum(1, { keepDim: true } as never), "sum: unknown option, got keepDim, did you mean keepdim?"],
  [() => x.sum({ keepdim: true } as never), "sum: dims must be an integer or a list, got [object Object]"],
  [
    () => x.var(1, { unbiased: false } as never),
    "var: unknown option, got unbiased, expected one of keepdim, correction",
  ],
  [() => x.sort(1, "descending" as never), 'sort: options must be an object of descending, got "descending"'],
  [() => x.matmul(3 as never), "matmul: operand 2 must be a tensor, got 3"],
])("an error that says what to write: %#", (call, message) => {
  expect(call).toThrow(expect.objectContaining({ message }));
  expect(call).toThrow(TensorError);
});
