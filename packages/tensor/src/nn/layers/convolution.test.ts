// Conv1d beyond its goldens: initial values, gradients of gradients, 16 bits, wide kernels, other sizes, errors.

import { describe, expect, test } from "vitest";
import { createCpuDeviceSync } from "../../cpu/device.js";
import { autocast, Generator, grad, ones, randn, type Tensor, tensor } from "../../index.js";
import { Conv1d, functional } from "../index.js";
import { caught } from "../testing/errors.js";

test("weight and bias start uniform within 1/√(inputs of an output)", async () => {
  const layer = new Conv1d(8, 40, 5, { groups: 2, generator: new Generator(3) });
  const shapes = Object.entries(layer.stateDict()).map(([key, t]) => [key, t.shape]);
  expect(shapes).toEqual([
    ["weight", [40, 4, 5]],
    ["bias", [40]],
  ]);
  const bound = 1 / Math.sqrt(20);
  for (const p of layer.parameters()) {
    const largest = Math.max(...(await p.abs().data()));
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThan(0.9 * bound);
  }
  expect(new Conv1d(2, 2, 1, { bias: false }).bias).toBeUndefined();
});

test("a gradient of a gradient, where windows overlap", async () => {
  const making = { dtype: "float64", generator: new Generator(5) } as const;
  const x = randn([1, 2, 7], { ...making, requiresGrad: true });
  const weight = randn([3, 2, 3], making);
  const direction = randn([1, 2, 7], making);
  const slopes = (at: Tensor): Tensor => {
    const y = functional.conv1d(at, weight, { padding: 1, stride: 2 });
    return grad(y.mul(y).mul(y).sum(), [at], { createGraph: true })[0]!.square().sum();
  };
  const [second] = grad(slopes(x), [x]);
  const slope = await second!.mul(direction).sum().item();
  const at = (step: number): Promise<number> => {
    const moved = x.detach().add(direction.mul(step)).contiguous();
    moved.requiresGrad = true;
    return slopes(moved).item();
  };
  const h = 1e-5;
  const numeric = ((await at(h)) - (await at(-h))) / (2 * h);
  expect(Math.abs(slope - numeric)).toBeLessThan(1e-6 * Math.abs(numeric));
});

test("a kernel of many elements is the sum over them", async () => {
  const x = randn([2, 1, 90], { requiresGrad: true, generator: new Generator(6) });
  const y = functional.conv1d(x, ones(1, 1, 40));
  const expected = x.cumsum(2);
  expect(y.shape).toEqual([2, 1, 51]);
  expect(await y.select(2, 0).toArray()).toEqual([
    [expect.closeTo((await expected.data())[39]!, 4)],
    [expect.closeTo((await expected.data())[129]!, 4)],
  ]);
  y.sum().backward();
  const counts = Array.from({ length: 90 }, (_, i) => Math.min(i + 1, 40, 90 - i));
  expect(await x.grad!.toArray()).toEqual([[counts], [counts]]);
});

test("autocast: the product and its bias in 16 bits, gradients in float32", async () => {
  const layer = new Conv1d(3, 4, 3, { groups: 1 });
  const split = new Conv1d(4, 4, 3, { groups: 2 });
  const y = autocast("bfloat16", () => split.forward(layer.forward(randn(2, 3, 9))));
  y.sum().backward();
  expect(y.dtype).toBe("bfloat16");
  const parameters = [...layer.parameters(), ...split.parameters()];
  expect(new Set(parameters.map((p) => p.grad!.dtype))).toEqual(new Set(["float32"]));
});

test("another batch size or length plans and compiles nothing", async () => {
  const device = createCpuDeviceSync();
  const layer = new Conv1d(3, 4, 3, { padding: "same", device });
  const step = async (batch: number, length: number): Promise<void> => {
    layer.zeroGrad();
    const x = randn([batch, 3, length], { device, requiresGrad: true });
    layer.forward(x).relu().sum().backward();
    await Promise.all([x.grad!.data(), layer.weight.grad!.data()]);
  };
  await step(2, 5);
  await step(3, 8);
  const { plansBuilt, kernelsCompiled } = device.counters;
  await step(4, 6);
  await step(2, 11);
  expect(device.counters).toMatchObject({ plansBuilt, kernelsCompiled });
  device.dispose();
});

test("no sequences give none", async () => {
  expect(new Conv1d(3, 4, 3).forward(ones(0, 3, 5)).shape).toEqual([0, 4, 3]);
  expect(await new Conv1d(3, 4, 3).forward(ones(0, 3, 5)).toArray()).toEqual([]);
});

describe("errors", () => {
  const layer = new Conv1d(2, 3, 3);
  test.each([
    ["channels", () => new Conv1d(0, 3, 3), "argument", "Conv1d: inChannels must be a positive integer, got 0"],
    ["a kernel", () => new Conv1d(2, 3, 0), "argument", "Conv1d: kernelSize must be a positive integer, got 0"],
    [
      "a stride",
      () => new Conv1d(2, 3, 3, { stride: 0 }),
      "argument",
      "Conv1d: stride must be a positive integer, got 0",
    ],
    [
      "padding of another name",
      () => new Conv1d(2, 3, 3, { padding: "full" as never }),
      "argument",
      'Conv1d: padding must be an integer of at least 0, "same" or "valid", got "full"',
    ],
    [
      "same with a stride",
      () => new Conv1d(2, 3, 3, { padding: "same", stride: 2 }),
      "argument",
      'Conv1d: stride must be 1 where padding is "same", got 2',
    ],
    [
      "groups that do not divide",
      () => new Conv1d(4, 6, 3, { groups: 4 }),
      "argument",
      "Conv1d: groups must be a divisor of 4 and 6 channels, got 4",
    ],
    [
      "PyTorch's position of stride",
      () => new Conv1d(2, 3, 3, 1 as never),
      "argument",
      "Conv1d: options must be an object of bias, stride, padding, dilation, groups, dtype, device, generator, got 1",
    ],
    [
      "channels last",
      () => layer.forward(ones(4, 5, 2)),
      "shape",
      "Conv1d: the input has the wrong shape, got [4, 5, 2], expected [any, 2, any]",
    ],
    [
      "channels of one sequence",
      () => layer.forward(ones(3, 5)),
      "shape",
      "Conv1d: the input has the wrong shape, got [3, 5], expected [2, any]",
    ],
    [
      "ids",
      () => layer.forward(tensor([[1], [2]], { dtype: "int32" })),
      "dtype",
      "Conv1d: the input must be floating, got int32, expected float32 or float64",
    ],
    [
      "too short a sequence",
      () => layer.forward(ones(1, 2, 2)),
      "shape",
      "conv1d: the padded input is shorter than a window, got 2, expected at least 3",
    ],
    [
      "a bias of another size",
      () => functional.conv1d(ones(1, 2, 4), ones(3, 2, 3), { bias: ones(2) }),
      "shape",
      "conv1d: the bias has the wrong shape, got [2], expected [3]",
    ],
    [
      "outputs that groups do not divide",
      () => functional.conv1d(ones(1, 2, 4), ones(3, 1, 3), { groups: 2 }),
      "argument",
      "conv1d: groups must be a divisor of the 3 outputs, got 2",
    ],
    [
      "an empty kernel",
      () => functional.conv1d(ones(1, 2, 4), ones(3, 2, 0)),
      "shape",
      "conv1d: a kernel needs at least one element, got [3, 2, 0]",
    ],
  ])("%s", (_, fn, code, message) => {
    const error = caught(fn);
    expect([error.code, error.message]).toEqual([code, message]);
  });
});
