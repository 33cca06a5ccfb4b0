// Moving averages of weights: the recurrence, exchanging them with the weights, and their state.

import { tensor } from "@torchium/tensor";
import { describe, expect, it } from "vitest";
import { ExponentialMovingAverage, SGD } from "./index.js";
import { errorLike } from "./testing/problems.js";

const parameter = () => tensor([1, -2], { requiresGrad: true });

describe("ExponentialMovingAverage", () => {
  it.each([{ decay: 0.9 }, { decay: 0.9, warmup: true }])(
    "follows a = decay·a + (1 − decay)·p, from the weights on: %j",
    async (options) => {
      const p = parameter();
      const average = new ExponentialMovingAverage([p], options);
      const optimizer = new SGD([p], { lr: 0.1 });
      let expected: readonly number[] = [1, -2];
      for (let n = 0; n < 20; n++) {
        optimizer.zeroGrad();
        p.square().sum().backward();
        optimizer.step();
        average.update();
        const values = [...(await p.data())];
        const decay = options.warmup ? Math.min(0.9, (1 + n) / (10 + n)) : 0.9;
        expected = expected.map((a, i) => decay * a + (1 - decay) * values[i]!);
      }
      const got = [...(await average.averages[0]!.data())];
      got.forEach((x, i) => expect(x).toBeCloseTo(expected[i]!, 5));
    },
  );

  it("exchanges weights and averages, and back", async () => {
    const p = parameter();
    const average = new ExponentialMovingAverage([p], { decay: 0.5 });
    p.assign(tensor([3, 4]));
    average.swap();
    expect([await p.toArray(), await average.averages[0]!.toArray()]).toEqual([
      [1, -2],
      [3, 4],
    ]);
    average.swap();
    expect([await p.toArray(), await average.averages[0]!.toArray()]).toEqual([
      [3, 4],
      [1, -2],
    ]);
  });

  it("continues from its state, which it copies", async () => {
    const [p, q] = [parameter(), parameter()];
    const [first, second] = [p, q].map((x) => new ExponentialMovingAverage([x], { decay: 0.9, warmup: true })) as [
      ExponentialMovingAverage,
      ExponentialMovingAverage,
    ];
    for (const x of [p, q]) x.assign(tensor([5, 6]));
    first.update();
    second.loadStateDict(first.stateDict());
    first.update();
    second.update();
    expect(await second.averages[0]!.data()).toEqual(await first.averages[0]!.data());
    expect(second.stateDict().updates).toBe(2);
  });

  it.each([
    [
      "argument",
      "decay must be a finite number from 0 to 1, got 1.1",
      () => new ExponentialMovingAverage([parameter()], { decay: 1.1 }),
    ],
    ["argument", "did you mean decay?", () => new ExponentialMovingAverage([parameter()], { decai: 1 } as never)],
    ["argument", "at least one tensor", () => new ExponentialMovingAverage([])],
    [
      "format",
      "does not fit",
      () => new ExponentialMovingAverage([parameter()]).loadStateDict({ updates: 0, averages: [] }),
    ],
    [
      "format",
      "does not fit",
      () => new ExponentialMovingAverage([parameter()]).loadStateDict({ updates: 0, averages: [tensor([1])] }),
    ],
    ["format", "does not fit", () => new ExponentialMovingAverage([parameter()]).loadStateDict(undefined as never)],
  ])("%s: %s", (code, message, act) => {
    expect(act).toThrow(errorLike(code, message));
  });
});
