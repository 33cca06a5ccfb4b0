// What a new size may cost, and what fuses at all. That fusion changes no result is for every backend to show: the level
// `fusion` of the conformance suite.

import { beforeAll, describe, expect, test } from "vitest";
import { keep } from "../control.js";
import { createCpuBackend } from "../cpu/backend.js";
import { tensor } from "../creation.js";
import * as f from "../functions.js";
import { seededNumbers } from "../reference/index.js";
import type { Tensor } from "../tensor.js";
import { Device } from "./device.js";

const randomMatrix = (device: Device, next: () => number, shape: readonly number[]): Tensor => {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next() * 2 - 1);
  return tensor(data, { shape, device });
};

describe("a plan", () => {
  let device: Device;
  let w: Tensor;
  beforeAll(async () => {
    device = new Device(await createCpuBackend({ threads: 1 }));
    w = tensor(
      Float32Array.from({ length: 24 * 8 }, (_, i) => Math.sin(i)),
      { shape: [24, 8], device, requiresGrad: true },
    );
  });

  /** A layer with attention over a batch, forward and backward. */
  const step = async (batch: number, time: number): Promise<void> => {
    const x = tensor(
      Float32Array.from({ length: batch * time * 8 }, (_, i) => Math.cos(i)),
      { shape: [batch, time, 8], device },
    );
    const [q, k, v] = x
      .matmul(w.T)
      .split(8, 2)
      .map((y) => y.reshape(batch, time, 2, 4).transpose(1, 2)) as [Tensor, Tensor, Tensor];
    const mask = tensor(new Float32Array(time * time).fill(1), { shape: [time, time], device }).tril();
    const scores = q.matmul(k.T).mul(0.5).maskedFill(mask.eq(0), Number.NEGATIVE_INFINITY).softmax(-1);
    const y = f.gelu(scores.matmul(v).transpose(1, 2).reshape(batch, time, 8)).add(x);
    y.square().mean().backward();
    await w.grad!.data();
    w.grad = undefined;
  };

  test("for new sizes compiles no kernel and is not built from scratch", async () => {
    await step(3, 5);
    await step(4, 7);
    const { plansBuilt, kernelsCompiled } = device.counters;
    for (const [batch, time] of [
      [5, 9],
      [2, 6],
      [7, 16],
      [3, 8],
      [6, 4],
    ] as const)
      await step(batch, time);
    expect(device.counters).toMatchObject({ plansBuilt, kernelsCompiled });
  });

  test("of known sizes is not bound again", async () => {
    await step(3, 5);
    const { plansBound } = device.counters;
    await step(3, 5);
    expect(device.counters.plansBound).toBe(plansBound);
  });

  test("writes the parts of a cat where they belong", async () => {
    const [a, b] = [tensor([1, 2, 3, 4], { shape: [2, 2], device }), tensor([5, 6], { shape: [2, 1], device })];
    const joined = f.cat([a.mul(2), b.neg(), a.sum(-1, true)], 1);
    expect(await joined.toArray()).toEqual([
      [2, 4, -5, 3],
      [6, 8, -6, 7],
    ]);
    const target = tensor(new Float32Array(6), { shape: [3, 2], device });
    target.assign(f.cat([a.add(target.narrow(0, 0, 2)), target.narrow(0, 2, 1).add(9)], 0));
    expect(await target.toArray()).toEqual([
      [1, 2],
      [3, 4],
      [9, 9],
    ]);
  });

  test("joins what can share a launch", async () => {
    const launches = async (make: () => Tensor): Promise<number> => {
      const t = make();
      const before = device.counters.launches;
      await t.data();
      return device.counters.launches - before;
    };
    const a = tensor(new Float32Array(600), { shape: [20, 30], device });
    const b = tensor(new Float32Array(30), { device });
    expect(await launches(() => a.add(b).tanh().mul(2).sub(a).exp())).toBe(1);
    expect(await launches(() => a.add(b).softmax(-1).mul(a))).toBe(1);
    expect(await launches(() => a.sub(a.mean(-1, true)).square().mean(-1))).toBe(1);
    expect(await launches(() => f.gelu(a.matmul(a.T).add(1)))).toBe(1);
    expect(await launches(() => a.mul(3).transpose(0, 1).sum(-1))).toBe(1);
    // Parts are written where they belong; one that something else reads too is copied there.
    expect(await launches(() => f.cat([a.exp(), a.tanh(), a.neg()], 1))).toBe(3);
    expect(await launches(() => f.stack([a.exp(), a.mul(2).sum(-1, true).add(a)], -1))).toBe(2);
    const twice = a.exp();
    expect(await launches(() => f.cat([twice, twice.square().sum(-1, true).add(twice)], 0))).toBe(2);
  });

  test("stores nothing that only a reduction reads, and updates in place beside one", async () => {
    const bytes = 4 * 300 * 300;
    /** Bytes that some work needs at its peak, above what was and stays there. */
    const peakOf = async (work: (a: Tensor, b: Tensor) => Promise<readonly Tensor[]>): Promise<number> => {
      const fresh = new Device(await createCpuBackend({ threads: 1 }));
      const next = seededNumbers(3);
      const [a, b] = [randomMatrix(fresh, next, [300, 300]), randomMatrix(fresh, next, [300, 300])];
      const results = await work(a, b);
      const { peakBytes, liveBytes } = fresh.memory();
      expect(results.length).toBeGreaterThan(0);
      return peakBytes - liveBytes;
    };
    // A gradient and its norm: the squares belong to the sum, not to the product.
    const norm = await peakOf(async (a, b) => {
      const product = keep(a.matmul(b));
      const sum = product.square().sum();
      expect(await sum.item()).toBeGreaterThan(0);
      await product.data();
      return [product, sum];
    });
    expect(norm).toBeLessThan(bytes / 2);
    // A step whose length is the gradient's norm.
    const update = await peakOf(async (a, b) => {
      const wanted = b.mul(0.1).div(b.square().sum().sqrt());
      const expected = await a.sub(wanted).data();
      const before = a.device.memory().peakBytes;
      a.assign(a.sub(b.mul(0.1).div(b.square().sum().sqrt())));
      expect(await a.data()).toEqual(expected);
      expect(a.device.memory().peakBytes).toBe(before);
      return [a];
    });
    expect(update).toBeLessThan(2 * bytes);
  });
});
