// BatchNorm1d beyond its goldens: statistics over several batches, compiled steps, memory, order of passes, 16 bits, errors.

import { describe, expect, test } from "vitest";
import { compile } from "../../compile.js";
import { createCpuDeviceSync } from "../../cpu/device.js";
import {
  assignAll,
  autocast,
  type Device,
  defaultDevice,
  Generator,
  ones,
  randn,
  scope,
  type Tensor,
} from "../../index.js";
import { BatchNorm1d, Conv1d, functional, Module } from "../index.js";
import { caught } from "../testing/errors.js";

/** Two convolutions, each with a norm, and the mean over the length. */
class Stack extends Module {
  readonly first: Conv1d;
  readonly firstNorm: BatchNorm1d;
  readonly second: Conv1d;
  readonly secondNorm: BatchNorm1d;

  constructor(seed: number, device: Device = defaultDevice()) {
    super();
    const generator = new Generator(seed);
    this.first = new Conv1d(3, 4, 3, { device, generator });
    this.firstNorm = new BatchNorm1d(4, { device });
    this.second = new Conv1d(4, 4, 3, { padding: "same", device, generator });
    this.secondNorm = new BatchNorm1d(4, { device, momentum: null });
  }

  forward(x: Tensor): Tensor {
    const y = this.firstNorm.forward(this.first.forward(x)).relu();
    return this.secondNorm.forward(this.second.forward(y)).relu().mean(2);
  }
}

function stepOf(model: Module & { forward(x: Tensor): Tensor }) {
  return (x: Tensor): Tensor => {
    const loss = model.forward(x).sub(0.3).square().mean();
    loss.backward();
    const pairs = model.parameters().map((p) => [p, p.detach().sub(p.grad!.mul(0.1))] as const);
    assignAll(pairs, "step");
    model.zeroGrad();
    return loss;
  };
}

const batches = (seed: number, count: number, device: Device = defaultDevice()): Tensor[] => {
  const generator = new Generator(seed);
  return Array.from({ length: count }, () => randn([4, 3, 6], { generator, device }));
};

const stateOf = async (model: Module): Promise<Record<string, unknown>> =>
  Object.fromEntries(
    await Promise.all(Object.entries(model.stateDict()).map(async ([key, t]) => [key, await t.toArray()] as const)),
  );

test("without a momentum the statistics are the average of all batches, with one they follow", async () => {
  const [average, following] = [new BatchNorm1d(3, { momentum: null }), new BatchNorm1d(3, { momentum: 0.25 })];
  const all = batches(1, 4);
  let [mean, followed] = [0, 0];
  for (const x of all) {
    average.forward(x);
    following.forward(x);
    const [own] = await x.mean([0, 2]).data();
    mean += own! / all.length;
    followed += 0.25 * (own! - followed);
  }
  expect((await average.runningMean!.data())[0]).toBeCloseTo(mean, 5);
  expect((await following.runningMean!.data())[0]).toBeCloseTo(followed, 5);
  expect(await average.numBatchesTracked!.item()).toBe(4);
  average.eval().forward(all[0]!);
  expect(await average.numBatchesTracked!.item()).toBe(4);
  average.resetRunningStats();
  expect(await stateOf(average)).toMatchObject({
    running_mean: [0, 0, 0],
    running_var: [1, 1, 1],
    num_batches_tracked: 0,
  });
});

test("a compiled step equals the plain one to the bit, running statistics included", async () => {
  const [plain, compiled] = [new Stack(3), new Stack(3)];
  const [run, step] = [stepOf(plain), compile(stepOf(compiled))];
  for (const x of batches(2, 12)) expect(await step(x).item()).toBe(await run(x).item());
  expect([step.replays, step.obstacle]).toEqual([10, undefined]);
  expect(await stateOf(compiled)).toEqual(await stateOf(plain));
  const [a, b] = [plain, compiled].map((m) => m.eval().forward(batches(4, 1)[0]!));
  expect(await a!.toArray()).toEqual(await b!.toArray());
});

test("memory stays flat, and another batch plans and compiles nothing", async () => {
  const device = createCpuDeviceSync();
  const model = new Stack(5, device);
  const step = stepOf(model);
  for (const x of batches(6, 4, device)) await step(x).item();
  const before = { ...device.counters, live: device.memory().liveBytes };
  for (const x of batches(7, 40, device)) await step(x).item();
  const { plansBuilt, kernelsCompiled } = device.counters;
  expect([plansBuilt, kernelsCompiled]).toEqual([before.plansBuilt, before.kernelsCompiled]);
  expect(device.memory().liveBytes).toBeLessThanOrEqual(before.live + 16_384);
  device.dispose();
});

test("passes may come in any order: accumulated, read between, after another batch", async () => {
  const [x, z] = batches(8, 2) as [Tensor, Tensor];
  const gradients = async (pass: (model: Stack) => void | Promise<void>): Promise<unknown> => {
    const model = new Stack(9);
    await pass(model);
    return Promise.all([...model.parameters().map((p) => p.grad!.toArray()), stateOf(model)]);
  };
  const loss = (model: Stack, at: Tensor): Tensor => model.forward(at).square().sum();
  const expected = await gradients(async (model) => {
    for (const at of [x, z]) {
      loss(model, at).backward();
      await Promise.all(model.parameters().map((p) => p.grad!.data()));
    }
  });
  const accumulated = await gradients((model) => {
    for (const at of [x, z]) loss(model, at).backward();
  });
  const afterwards = await gradients(async (model) => {
    const first = loss(model, x);
    await first.item();
    const second = loss(model, z);
    first.backward();
    second.backward();
  });
  expect(accumulated).toEqual(expected);
  expect(afterwards).toEqual(expected);
});

test("a step in a scope leaves the statistics where they are", async () => {
  const [plain, scoped] = [new Stack(10), new Stack(10)];
  const [run, step] = [stepOf(plain), stepOf(scoped)];
  for (const x of batches(11, 3)) {
    const loss = await run(x).item();
    expect(await scope(() => step(x)).item()).toBe(loss);
  }
  expect(await stateOf(scoped)).toEqual(await stateOf(plain));
});

test("keys, dtypes and what moves with the module", async () => {
  const device = createCpuDeviceSync();
  const layer = new BatchNorm1d(3);
  expect(Object.keys(layer.stateDict())).toEqual([
    "weight",
    "bias",
    "running_mean",
    "running_var",
    "num_batches_tracked",
  ]);
  expect(Object.keys(new BatchNorm1d(3, { affine: false, trackRunningStats: false }).stateDict())).toEqual([]);
  await layer.to("float64").to(device);
  expect(layer.buffers().map((t) => [t.dtype, t.device])).toEqual([
    ["float64", device],
    ["float64", device],
    ["int32", device],
  ]);
  layer.forward(ones(4, 3, { dtype: "float64", device }));
  expect(await layer.runningMean!.toArray()).toEqual([0.1, 0.1, 0.1]);
  expect(layer.parameters()).toHaveLength(2);
  device.dispose();
});

test("values of 16 bits stay so, statistics are of float32", async () => {
  const layer = new BatchNorm1d(3);
  const x = randn([4, 3], { dtype: "bfloat16" });
  expect(layer.forward(x).dtype).toBe("bfloat16");
  expect(autocast("bfloat16", () => layer.forward(x)).dtype).toBe("bfloat16");
  expect(layer.eval().forward(x).dtype).toBe("bfloat16");
  expect(layer.runningMean!.dtype).toBe("float32");
  const mean = await x.to("float32").mean(0).data();
  expect((await layer.runningMean!.data())[0]).toBeCloseTo(0.19 * mean[0]!, 6);
});

describe("errors", () => {
  const layer = new BatchNorm1d(3);
  test.each([
    ["features", () => new BatchNorm1d(0), "argument", "BatchNorm1d: numFeatures must be a positive integer, got 0"],
    [
      "a momentum",
      () => new BatchNorm1d(3, { momentum: 2 }),
      "argument",
      "BatchNorm1d: momentum must be a number from 0 to 1, got 2",
    ],
    [
      "a flag",
      () => new BatchNorm1d(3, { affine: 1 as never }),
      "argument",
      "BatchNorm1d: affine must be true or false, got 1",
    ],
    [
      "other channels",
      () => layer.forward(ones(4, 2)),
      "shape",
      "BatchNorm1d: the input has the wrong shape, got [4, 2], expected [any, 3]",
    ],
    [
      "channels last",
      () => layer.forward(ones(4, 5, 3)),
      "shape",
      "BatchNorm1d: the input has the wrong shape, got [4, 5, 3], expected [any, 3, any]",
    ],
    [
      "a batch of one",
      () => layer.forward(ones(1, 3)),
      "shape",
      "BatchNorm1d: needs more than one value a channel in training, got [1, 3]",
    ],
    [
      "no statistics to go by",
      () => functional.batchNorm(ones(4, 3), undefined, undefined),
      "argument",
      'batchNorm: running mean and variance must be given outside of training, got "undefined and undefined"',
    ],
  ])("%s", (_, fn, code, message) => {
    const error = caught(fn);
    expect([error.code, error.message]).toEqual([code, message]);
  });
});
