// Clipping against PyTorch, and what it must not do: read back, lose the norm, or touch what has no gradient.

import { createCpuDevice, type Tensor, tensor } from "@torchium/tensor";
import { describe, expect, it } from "vitest";
import { clipGradNorm, clipGradValue } from "./clip.js";
import { SGD } from "./index.js";
import { expectNear, type Golden, optionsOf, readGoldens, tensorOf } from "./testing/goldens.js";
import { errorLike } from "./testing/problems.js";

type Case = {
  readonly name: string;
  readonly op: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly inputs: Readonly<Record<string, Golden>>;
  readonly outputs: readonly Golden[];
};

const cases = readGoldens<{ cases: readonly Case[] }>("gradients").cases.filter(({ op }) => op.startsWith("clip"));

describe.each(["float64", "float32"] as const)("PyTorch's results in %s", (dtype) => {
  it.each(cases.map((c) => [c.name, c] as const))("%s", async (_, { op, options, inputs, outputs }) => {
    const leaves = Object.values(inputs).map((golden) => {
      const gradient = tensorOf(golden, { dtype });
      const leaf = gradient.mul(0).contiguous();
      leaf.requiresGrad = true;
      leaf.grad = gradient;
      return leaf;
    });
    const { maxNorm, normType, clipValue } = optionsOf(options) as Record<string, number>;
    const total = op === "clipGradNorm" ? clipGradNorm(leaves, maxNorm!, normType) : clipGradValue(leaves, clipValue!);
    const results = [...leaves.map((leaf) => leaf.grad!), ...(total ? [total] : [])];
    expect(results).toHaveLength(outputs.length);
    for (const [i, golden] of outputs.entries()) expectNear(await results[i]!.data(), golden, dtype, `output ${i}`);
  });
});

const withGradient = (...values: number[]): Tensor => {
  const p = tensor(values, { requiresGrad: true });
  p.mul(tensor(values)).sum().backward();
  return p;
};

describe("clipGradNorm", () => {
  it("does its work inside the step, in the same submission, and keeps the norm readable", async () => {
    const device = await createCpuDevice({ threads: 1 });
    const p = tensor([3, 4], { device, requiresGrad: true });
    const optimizer = new SGD([p], { lr: 1 });
    p.mul(tensor([3, 4], { device }))
      .sum()
      .backward();
    const before = device.counters.realizations;
    const norm = clipGradNorm([p], 1);
    optimizer.step();
    expect(device.counters.realizations - before).toBe(1);
    expect(await norm.item()).toBe(5);
    for (const [i, x] of (await p.data()).entries()) expect(x).toBeCloseTo([3, 4][i]! * 0.8, 5);
  });

  it("may be read before the step, and again after it", async () => {
    const p = withGradient(3, 4);
    const norm = clipGradNorm([p], 1);
    expect(await norm.item()).toBe(5);
    new SGD([p], { lr: 1 }).step();
    for (const [i, x] of (await p.data()).entries()) expect(x).toBeCloseTo([3, 4][i]! * 0.8, 5);
    expect(await norm.item()).toBe(5);
  });

  it("passes over parameters without a gradient, and counts each parameter once", async () => {
    const [p, q] = [withGradient(3, 4), tensor([1], { requiresGrad: true })];
    expect(await clipGradNorm([p, q, p], 100).item()).toBe(5);
    expect(q.grad).toBeUndefined();
    expect(await clipGradNorm(q, 1).item()).toBe(0);
    expect(await clipGradNorm([], 1).item()).toBe(0);
  });

  it("can be called twice, and on gradients that passes have added up", async () => {
    const p = withGradient(3, 4);
    p.mul(tensor([3, 4]))
      .sum()
      .backward();
    expect(await clipGradNorm(p, 5).item()).toBeCloseTo(10, 5);
    expect(await clipGradNorm(p, 1).item()).toBeCloseTo(5, 5);
    expect(await p.grad!.norm().item()).toBeCloseTo(1, 5);
  });

  it("only measures when the limit is infinite", async () => {
    const p = withGradient(3, 4);
    expect(await clipGradNorm(p, Number.POSITIVE_INFINITY).item()).toBe(5);
    expect(await p.grad!.toArray()).toEqual([3, 4]);
  });

  it("mixes dtypes", async () => {
    const [p, q] = [withGradient(3), tensor([4], { dtype: "float64", requiresGrad: true })];
    q.square().mul(0.5).sum().backward();
    const norm = clipGradNorm([p, q], 1);
    expect([norm.dtype, p.grad!.dtype, q.grad!.dtype]).toEqual(["float64", "float32", "float64"]);
    expect(await norm.item()).toBeCloseTo(5, 6);
  });

  it.each([
    [
      () => clipGradNorm([withGradient(1)], Number.NaN),
      "clipGradNorm: maxNorm must be a number of at least 0, got NaN",
    ],
    [() => clipGradNorm([withGradient(1)], -1), "got -1"],
    [() => clipGradNorm([withGradient(1)], 1, 0), "clipGradNorm: normType must be a number above 0, got 0"],
    [() => clipGradNorm([5 as never], 1), "clipGradNorm: parameters must be a list of tensors, got 5"],
    [() => clipGradNorm(undefined as never, 1), "parameters must be a list of tensors, got undefined"],
    [() => clipGradValue([withGradient(1)], -1), "clipGradValue: clipValue must be a number of at least 0, got -1"],
  ])("says what is wrong: %#", (act, message) => {
    expect(act).toThrow(errorLike("argument", message));
  });
});
