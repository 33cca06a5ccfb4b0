// Fusion must not change a result: random graphs, fused and unfused, on the CPU and on the reference, values and gradients.
// A failure names its seed and the fewest operations that show it. Also: what a new size may cost, and what fuses at all.

import { beforeAll, describe, expect, test } from "vitest";
import { keep } from "../control.js";
import { createCpuBackend } from "../cpu/backend.js";
import { tensor } from "../creation.js";
import * as f from "../functions.js";
import { createReferenceBackend, seededNumbers } from "../reference/index.js";
import type { Tensor } from "../tensor.js";
import { Device } from "./device.js";

type Draw = { readonly int: (below: number) => number; readonly real: () => number };

function drawFrom(seed: number): Draw {
  const next = seededNumbers(seed);
  return { int: (below) => Math.floor(next() * below), real: () => next() * 2 - 1 };
}

const leaf = (device: Device, draw: Draw, shape: readonly number[]): Tensor => {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, draw.real);
  return tensor(data, { shape, device, requiresGrad: true });
};

/** One random operation on tensors made so far. Every value stays within a few units of 1, so errors stay comparable. */
function grow(pool: Tensor[], device: Device, draw: Draw, leaves: Tensor[]): Tensor {
  const pick = (): Tensor => pool[draw.int(pool.length)]!;
  const fresh = (shape: readonly number[]): Tensor => {
    const x = leaf(device, draw, shape);
    leaves.push(x);
    return x;
  };
  const x = pick();
  const axis = draw.int(x.ndim);
  const last = x.shape[x.ndim - 1]!;
  switch (draw.int(16)) {
    case 0:
      return x.tanh();
    case 1:
      return f.gelu(x);
    case 2:
      return x.mul(0.5).add(draw.real());
    case 3:
      return x.add(fresh(x.shape.map((d) => (draw.int(2) ? d : 1))));
    case 4:
      return x.mul(fresh(x.shape.slice(draw.int(x.ndim + 1)))).tanh();
    case 5:
      return x.sub(pool.find((y) => y !== x && y.shape.join() === x.shape.join()) ?? x.sin());
    case 6:
      return x.softmax(axis);
    case 7:
      return x.sub(x.mean(axis, true));
    case 8:
      return x.permute(...x.shape.map((_, i) => (i + 1) % x.ndim));
    case 9:
      return x.reshape(-1, last).tanh();
    case 10:
      return x.ndim >= 2 ? x.transpose(0, 1).reshape(x.shape) : x.flip(0);
    case 11:
      return x.slice(axis, draw.int(2)).numel > 0 ? x.slice(axis, draw.int(2)) : x;
    case 12:
      return x.matmul(fresh([last, 1 + draw.int(5)])).tanh();
    case 13:
      return f.cat([x, x.cos()], axis).slice(axis, 0, x.shape[axis]!);
    case 14:
      return x.amax(axis, true).add(x);
    default:
      return f.where(x.gt(0), x, x.mul(0.1));
  }
}

/** The values and gradients of a random graph of `count` operations. */
async function run(device: Device, seed: number, count: number): Promise<Float32Array[]> {
  const draw = drawFrom(seed);
  const leaves: Tensor[] = [];
  const shape = Array.from({ length: 1 + draw.int(3) }, () => 1 + draw.int(5));
  const pool = [leaf(device, draw, shape)];
  leaves.push(pool[0]!);
  for (let i = 0; i < count; i++) pool.push(grow(pool, device, draw, leaves));
  const outputs = pool.slice(-3);
  outputs
    .map((y) => y.square().mean())
    .reduce((a, b) => a.add(b))
    .backward();
  const wanted = [...outputs, ...leaves.flatMap((x) => (x.grad ? [x.grad] : []))];
  const all: Float32Array[] = [];
  for (const t of wanted) all.push((await t.data()) as Float32Array);
  return all;
}

/** The largest difference between two results, relative to the largest magnitude of each array. */
function difference(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  if (a.length !== b.length || a.some((x, i) => x.length !== b[i]!.length)) return Number.POSITIVE_INFINITY;
  let worst = 0;
  a.forEach((x, i) => {
    const scale = x.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-2);
    x.forEach((v, k) => {
      const d = Math.abs(v - b[i]![k]!) / scale;
      worst = Number.isNaN(d) ? Number.POSITIVE_INFINITY : Math.max(worst, d);
    });
  });
  return worst;
}

describe("fusion", () => {
  let devices: Readonly<Record<string, Device>>;
  beforeAll(async () => {
    devices = {
      "reference fused": new Device(createReferenceBackend()),
      "cpu unfused": new Device(await createCpuBackend({ threads: 1 }), { fusion: false }),
      "cpu fused": new Device(await createCpuBackend({ threads: 2, parallelNanoseconds: 0 })),
    };
  });

  test.each(Array.from({ length: 60 }, (_, i) => 1000 + 7 * i))("changes no result: seed %i", async (seed) => {
    const plain = new Device(createReferenceBackend(), { fusion: false });
    const wrong = async (count: number): Promise<string | undefined> => {
      const want = await run(plain, seed, count);
      for (const [name, device] of Object.entries(devices)) {
        const d = difference(want, await run(device, seed, count));
        if (d > 2e-4) return `${name} differs by ${d}`;
      }
      return undefined;
    };
    const count = 4 + (seed % 20);
    if (!(await wrong(count))) return;
    for (let n = 1; n <= count; n++) {
      const why = await wrong(n);
      if (why) expect.fail(`seed ${seed}, ${n} operations: ${why}`);
    }
  });
});

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
      const random = drawFrom(3);
      const [a, b] = [leaf(fresh, random, [300, 300]).detach(), leaf(fresh, random, [300, 300]).detach()];
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
