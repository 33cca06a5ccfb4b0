// The parameters of a criterion reach the optimizer, the state dictionary and the dtype, as a model's do.

import { assignAll, Generator, noGrad, type Tensor, tensor } from "@torchium/tensor";
import { describe, expect, test } from "vitest";
import { BCEWithLogitsLoss, CRFLoss, CrossEntropyLoss, MSELoss, UncertaintyWeightingLoss } from "./index.js";

describe("parameters", () => {
  test("are found by their names in the state dictionary", () => {
    const crf = new CRFLoss({ numTags: 3, bioTags: ["O", "B-X", "I-X"] });
    expect(crf.namedParameters().map(([name, p]) => [name, p.shape])).toEqual([
      ["start_transitions", [3]],
      ["end_transitions", [3]],
      ["transitions", [3, 3]],
    ]);
    const weighting = new UncertaintyWeightingLoss({ numTasks: 4 });
    expect(Object.keys(weighting.stateDict())).toEqual(["log_variances"]);
    expect(new MSELoss().parameters()).toEqual([]);
  });

  test("begin small and by the generator given, or at zero", async () => {
    const start = (seed: number) => new CRFLoss({ numTags: 9, generator: new Generator(seed) }).transitions.data();
    expect(await start(7)).toEqual(await start(7));
    expect(await start(7)).not.toEqual(await start(8));
    expect((await start(7)).every((x) => Math.abs(x) <= 0.1)).toBe(true);
    expect(await new UncertaintyWeightingLoss({ numTasks: 2 }).logVariances.toArray()).toEqual([0, 0]);
  });

  test("are learned: descent on them lowers the loss", async () => {
    const crf = new CRFLoss({ numTags: 2, generator: new Generator(1) });
    const tags = tensor(Int32Array.from([0, 1, 0, 1]), { shape: [1, 4] });
    const emissions = tensor(new Float32Array(8), { shape: [1, 4, 2] });
    const losses: number[] = [];
    for (let step = 0; step < 20; step++) {
      const loss = crf.forward(emissions, tags);
      loss.backward();
      losses.push(await loss.item());
      const next = noGrad(() => crf.parameters().map((p) => [p, p.sub(p.grad!)] as const));
      assignAll(next, "descent");
      crf.zeroGrad();
    }
    expect(losses[0]).toBeGreaterThan(2);
    expect(losses.at(-1)).toBeLessThan(0.1);
    expect(await crf.decode(emissions).toArray()).toEqual([[0, 1, 0, 1]]);
  });

  test("uncertainties settle where the gradient is 0: σ² = the loss", async () => {
    const weighting = new UncertaintyWeightingLoss({ numTasks: 2, kinds: ["classification", "regression"] });
    const losses = (): Tensor[] => [tensor(0.5), tensor(3)];
    for (let step = 0; step < 200; step++) {
      weighting.forward(losses()).backward();
      noGrad(() => weighting.logVariances.assign(weighting.logVariances.sub(weighting.logVariances.grad!.mul(0.5))));
      weighting.zeroGrad();
    }
    // e^−s L = ½ for classification and ½ e^−s L = ½ for regression.
    const [first, second] = await weighting.logVariances.data();
    expect(first).toBeCloseTo(Math.log(1), 3);
    expect(second).toBeCloseTo(Math.log(3), 3);
  });

  test("weights of classes are saved, and follow the dtype", async () => {
    const loss = new CrossEntropyLoss({ weight: tensor([1, 2]) }).to("float64");
    expect(Object.keys(loss.stateDict())).toEqual(["weight"]);
    expect(loss.weight!.dtype).toBe("float64");
    const other = new CrossEntropyLoss({ weight: tensor([5, 5]) });
    other.loadStateDict(loss.stateDict());
    expect(await other.weight!.toArray()).toEqual([1, 2]);
    const binary = new BCEWithLogitsLoss({ posWeight: tensor([3]) });
    expect(Object.keys(binary.stateDict())).toEqual(["pos_weight"]);
  });
});
