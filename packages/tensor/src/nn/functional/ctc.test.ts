// What `ctcLoss` promises beside the criterion built on it: its limits and its errors.

import { expect, test } from "vitest";
import { grad } from "../../control.js";
import { randn, tensor } from "../../creation.js";
import { TensorError } from "../../errors.js";
import { Generator } from "../../random.js";
import { ctcLoss } from "./ctc.js";

const ids = (values: readonly number[], ...shape: number[]) => tensor(Int32Array.from(values), { shape });
const logits = () => randn(4, 2, 3, { dtype: "float64", generator: new Generator(2), requiresGrad: true });
const targets = ids([1, 2, 2, 1], 2, 2);

test("probabilities of 0 rule paths out without NaN", async () => {
  // Class 2 never happens, so the first target is impossible and the second is not.
  const x = logits();
  const rows = tensor([0, 0, Number.NEGATIVE_INFINITY], { dtype: "float64" }).add(x).logSoftmax(-1);
  const losses = ctcLoss(rows, ids([2, 1], 2, 1), [4, 4], [1, 1]);
  losses.sum().backward();
  const [first, second] = await losses.data();
  expect(first).toBe(Number.POSITIVE_INFINITY);
  expect(Number.isFinite(second)).toBe(true);
  for (const g of await x.grad!.data()) expect(Number.isFinite(g)).toBe(true);
});

test("an empty input spells the empty target alone", async () => {
  const losses = await ctcLoss(logits().logSoftmax(-1), targets, [0, 0], [0, 1]).data();
  expect([...losses].map(Math.abs)).toEqual([0, Number.POSITIVE_INFINITY]);
});

test("gradients of gradients are refused", () => {
  const x = logits();
  const loss = ctcLoss(x.logSoftmax(-1), targets, [4, 4], [2, 2]).sum();
  expect(() => grad(loss, [x], { createGraph: true })).toThrow(TensorError);
});

test("errors name the argument, what was got and what was expected", () => {
  const x = logits().detach();
  expect(() => ctcLoss(x.select(1, 0), targets, [4, 4], [2, 2])).toThrow(
    "ctcLoss: logProbabilities has the wrong shape, got [4, 3], expected [any, any, any]",
  );
  expect(() => ctcLoss(x, targets, [4, 4.5], [2, 2])).toThrow("ctcLoss: inputLengths must be integers, got 4.5");
  expect(() => ctcLoss(x, targets, tensor([4, 4]), [2, 2])).toThrow(/inputLengths must be integers, got float32/);
  expect(() => ctcLoss(x, targets.to("float32"), [4, 4], [2, 2])).toThrow(/targets must be integers, got float32/);
  expect(() => ctcLoss(x, targets, [4, 4], [2, 2], { blank: 3 })).toThrow(/blank must be a class from 0 to 2, got 3/);
});
