// CTCLoss beside what every loss is tested for: impossible targets, targets in a vector, lengths without plans.

import { defaultDevice, Generator, randn, type Tensor, tensor } from "@torchium/tensor";
import { describe, expect, test } from "vitest";
import { CTCLoss } from "./index.js";

const ints = (values: readonly number[], ...shape: number[]): Tensor => tensor(Int32Array.from(values), { shape });
const logits = (time: number, batch: number): Tensor =>
  randn(time, batch, 4, { dtype: "float64", generator: new Generator(time), requiresGrad: true });

describe("targets that cannot be spelled", () => {
  // Two equal labels need a blank between them.
  const given = [ints([1, 1, 2, 3], 2, 2), [2, 2], [2, 2]] as const;

  test("cost ∞ and have no gradient", async () => {
    const x = logits(2, 2);
    const losses = new CTCLoss({ reduction: "none" }).forward(x.logSoftmax(-1), ...given);
    losses.sum().backward();
    const [first, second] = await losses.data();
    expect(first).toBe(Number.POSITIVE_INFINITY);
    expect(second).toBeGreaterThan(0);
    const gradient = (await x.grad!.toArray()) as number[][][];
    for (const step of gradient) {
      expect(step[0]!.every((g) => Math.abs(g) === 0)).toBe(true);
      expect(step[1]!.some((g) => g !== 0)).toBe(true);
    }
  });

  test("cost 0 with zeroInfinity", async () => {
    const x = logits(2, 2);
    const losses = await new CTCLoss({ reduction: "none", zeroInfinity: true })
      .forward(x.logSoftmax(-1), ...given)
      .data();
    expect(losses[0]).toBe(0);
    expect(losses[1]).toBeGreaterThan(0);
  });
});

describe("forms of the arguments", () => {
  const x = logits(5, 3).logSoftmax(-1).detach();
  const loss = new CTCLoss({ reduction: "none" });
  const padded = () => loss.forward(x, ints([1, 2, 3, 2, 0, 0, 0, 0, 0], 3, 3), [5, 4, 5], [3, 1, 0]).data();

  test("targets in a vector are the same as padded ones", async () => {
    expect(await loss.forward(x, ints([1, 2, 3, 2], 4), [5, 4, 5], [3, 1, 0]).data()).toEqual(await padded());
    expect(() => loss.forward(x, ints([1, 2, 3], 3), [5, 4, 5], [3, 1, 0])).toThrow(/must be 4, as targetLengths says/);
    expect(() => loss.forward(x, ints([], 0), [5, 4, 5], ints([0, 0, 0], 3).add(0))).toThrow(
      /lengths that the host knows/,
    );
  });

  test("lengths in tensors are the same as in lists", async () => {
    const targets = ints([1, 2, 3, 2, 0, 0, 0, 0, 0], 3, 3);
    expect(await loss.forward(x, targets, ints([5, 4, 5], 3), ints([3, 1, 0], 3)).data()).toEqual(await padded());
  });

  test("one sequence alone gives one number", async () => {
    const single = loss.forward(x.select(1, 0), ints([1, 2, 3], 3), [5], [3]);
    expect(single.shape).toEqual([]);
    expect(await single.item()).toBe((await padded())[0]);
  });

  test("no labels at all is the path of blanks", async () => {
    const losses = await loss.forward(x, ints([], 3, 0), [5, 5, 5], [0, 0, 0]).data();
    const blanks = await x.select(2, 0).sum(0).data();
    losses.forEach((l, b) => expect(l).toBeCloseTo(-blanks[b]!, 12));
  });
});

describe("long inputs", () => {
  test("stay finite over 200 steps, and probabilities add up", async () => {
    const x = logits(200, 2);
    const targets = ints(
      Array.from({ length: 80 }, (_, i) => 1 + (i % 3)),
      2,
      40,
    );
    const loss = new CTCLoss({ reduction: "sum" }).forward(x.logSoftmax(-1), targets, [200, 150], [40, 40]);
    loss.backward();
    expect(Number.isFinite(await loss.item())).toBe(true);
    // Through a log-softmax every step's gradient sums to 0.
    for (const sum of await x.grad!.sum(-1).data()) expect(Math.abs(sum)).toBeLessThan(1e-12);
  });

  test("new lengths and batches build no plan and compile nothing", async () => {
    const step = async (time: number, batch: number, length: number): Promise<void> => {
      const x = logits(time, batch);
      const targets = ints(new Array(batch * length).fill(1), batch, length);
      const sizes = [new Array(batch).fill(time), new Array(batch).fill(length)] as const;
      const loss = new CTCLoss().forward(x.logSoftmax(-1), targets, ...sizes);
      loss.backward();
      await x.grad!.data();
    };
    await step(9, 2, 3);
    await step(10, 3, 4);
    const { plansBuilt, kernelsCompiled } = defaultDevice().counters;
    await step(21, 4, 5);
    await step(33, 5, 6);
    expect(defaultDevice().counters).toMatchObject({ plansBuilt, kernelsCompiled });
  });
});
