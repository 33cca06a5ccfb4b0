// The state of an optimizer: PyTorch's structure, and everything that is refused before anything is taken over.

import { createCpuDevice, type Tensor, tensor, zeros } from "@torchium/tensor";
import { describe, expect, it } from "vitest";
import { Adam, NovoGrad, SGD } from "./index.js";
import type { OptimizerState } from "./state-dict.js";
import { errorLike } from "./testing/problems.js";

function trained() {
  const params = [tensor([1, 2], { requiresGrad: true }), tensor([3], { requiresGrad: true })];
  const optimizer = new Adam([{ params: params[0]! }, { params: params[1]!, lr: 0.5 }], { lr: 0.1 });
  params[0]!.square().sum().backward();
  optimizer.step();
  return { optimizer, params };
}

describe("stateDict", () => {
  it("has PyTorch's structure", async () => {
    const { optimizer } = trained();
    const { state, paramGroups } = optimizer.stateDict();
    expect(Object.keys(state)).toEqual(["0"]);
    expect(state[0]).toMatchObject({ step: 1 });
    expect(await (state[0]!.expAvg as Tensor).toArray()).toEqual([expect.closeTo(0.2, 6), expect.closeTo(0.4, 6)]);
    const common = { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, amsgrad: false, maximize: false };
    expect(paramGroups).toEqual([
      { ...common, lr: 0.1, params: [0] },
      { ...common, lr: 0.5, params: [1] },
    ]);
  });
});

describe("loadStateDict", () => {
  it("converts to the parameter's dtype", async () => {
    const p = tensor([1, 2], { dtype: "float64", requiresGrad: true });
    const q = tensor([3], { dtype: "float64", requiresGrad: true });
    const optimizer = new Adam([{ params: p }, { params: q }]);
    optimizer.loadStateDict(trained().optimizer.stateDict());
    expect((optimizer.stateDict().state[0]!.expAvg as Tensor).dtype).toBe("float64");
  });

  it("moves tensors that the host still holds, and names the device of others", async () => {
    const device = await createCpuDevice({ threads: 1 });
    const make = () => new SGD([tensor([1, 2], { device, requiresGrad: true })], { momentum: 0.9 });
    const { paramGroups } = make().stateDict();
    const loaded = make();
    loaded.loadStateDict({ state: { 0: { step: 3, momentumBuffer: tensor([5, 6]) } }, paramGroups });
    expect(await (loaded.stateDict().state[0]!.momentumBuffer as Tensor).toArray()).toEqual([5, 6]);
    const elsewhere = tensor([5, 6]).add(1);
    expect(() => make().loadStateDict({ state: { 0: { step: 3, momentumBuffer: elsewhere } }, paramGroups })).toThrow(
      errorLike("device", "momentumBuffer of parameter 0 is on another device", "{ device }"),
    );
  });

  it("takes options that the state does not have from the optimizer", () => {
    const { optimizer } = trained();
    const { state, paramGroups } = optimizer.stateDict();
    const older = paramGroups.map(({ amsgrad, ...rest }) => rest) as unknown as OptimizerState["paramGroups"];
    optimizer.loadStateDict({ state, paramGroups: older });
    expect(optimizer.paramGroups[0]!.amsgrad).toBe(false);
  });

  const good = trained().optimizer.stateDict();
  const withState = (entry: object): unknown => ({ ...good, state: { 0: { ...good.state[0], ...entry } } });
  const withGroup = (entry: object): unknown => ({
    ...good,
    paramGroups: [{ ...good.paramGroups[0], ...entry }, good.paramGroups[1]],
  });
  it.each([
    ["format", "needs `state` and `paramGroups`, got undefined", undefined],
    ["format", "needs `state` and `paramGroups`, got {}", {}],
    ["format", "the number of groups differs, got 1, expected 2", { ...good, paramGroups: [good.paramGroups[0]] }],
    ["format", "the number of parameters in group 0 differs, got 2, expected 1", withGroup({ params: [0, 1] })],
    ["format", "the number of parameters in group 0 differs, got undefined", withGroup({ params: undefined })],
    ["format", "there is no parameter of that number, got 7", { ...good, state: { 7: { step: 1 } } }],
    ["format", "step of parameter 0 must be a whole number, got null", withState({ step: Number.NaN })],
    ["format", "step of parameter 0 must be a whole number, got -1", withState({ step: -1 })],
    [
      "format",
      "speed of parameter 0 is no state of this optimizer, expected expAvg, expAvgSq",
      withState({ speed: tensor([1, 2]) }),
    ],
    ["format", "constructor of parameter 0 is no state", withState({ constructor: tensor([1, 2]) })],
    ["format", "expAvg of parameter 0 must be a tensor, got 5", withState({ expAvg: 5 })],
    ["format", "expAvg of parameter 0 has the wrong shape, got [3], expected [2]", withState({ expAvg: zeros(3) })],
    ["argument", "Adam: lr must be a finite number of at least 0, got NaN", withGroup({ lr: Number.NaN })],
    ["argument", "Adam: unknown option, got momentum", withGroup({ momentum: 0.9 })],
  ])("%s: %s", async (code, message, state) => {
    const { optimizer } = trained();
    const before = optimizer.stateDict();
    expect(() => optimizer.loadStateDict(state as OptimizerState)).toThrow(errorLike(code, message));
    expect(optimizer.stateDict()).toEqual(before);
  });

  it("knows which state is one number", () => {
    const optimizer = new NovoGrad([tensor([1, 2], { requiresGrad: true })]);
    const { paramGroups } = optimizer.stateDict();
    expect(() => optimizer.loadStateDict({ state: { 0: { step: 1, expAvgSq: zeros(2) } }, paramGroups })).toThrow(
      errorLike("format", "expAvgSq of parameter 0 has the wrong shape, got [2], expected []"),
    );
  });
});
