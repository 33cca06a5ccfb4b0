// The rules of differentiation that no single op shows: accumulation, graphs kept and freed, gradients of gradients,
// what an update leaves readable, and what memory a training loop holds.

import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../compile.js";
import { grad, keep, noGrad, scope } from "../control.js";
import { createCpuDevice } from "../cpu/device.js";
import { randn, tensor, zeros } from "../creation.js";
import { TensorError } from "../errors.js";
import type { Device } from "../graph/device.js";
import { embedding } from "../nn/functional/index.js";
import { assignAll, type Tensor } from "../tensor.js";

let device: Device;
beforeAll(async () => {
  device = await createCpuDevice({ threads: 1 });
});

const leaf = (values: number[]): Tensor => tensor(values, { device, requiresGrad: true });
const codeOf = async (fn: () => unknown): Promise<string> => {
  try {
    await fn();
  } catch (e) {
    return TensorError.is(e) ? e.code : String(e);
  }
  return "none";
};

describe("backward", () => {
  test("adds to what is there", async () => {
    const x = leaf([1, 2]);
    x.square().sum().backward();
    x.mul(3).sum().backward();
    expect(await x.grad!.toArray()).toEqual([5, 7]);
  });

  test("gives the same after the value was read first", async () => {
    const x = leaf([0.5, -1]);
    const loss = x.exp().mul(x).sum();
    expect(await loss.item()).toBeCloseTo(0.5 * Math.exp(0.5) - Math.exp(-1), 6);
    loss.backward();
    const [a, b] = (await x.grad!.toArray()) as number[];
    expect(a).toBeCloseTo(1.5 * Math.exp(0.5), 5);
    expect(b).toBeCloseTo(0, 6);
  });

  test("gives leaves that share a gradient each their own memory", async () => {
    const [a, b] = [leaf([1, 2]), leaf([3, 4])];
    const start = tensor([5, 6], { device });
    a.add(b).backward(start);
    a.mul(1).sum().backward();
    expect(await a.grad!.toArray()).toEqual([6, 7]);
    a.grad = undefined;
    expect(await b.grad!.toArray()).toEqual([5, 6]);
    b.grad = undefined;
    expect(await start.toArray()).toEqual([5, 6]);
  });

  test("uses a leaf that appears twice, and a value used by several", async () => {
    const x = leaf([3]);
    const y = x.mul(x);
    y.mul(y).add(y).sum().backward();
    expect(await x.grad!.toArray()).toEqual([4 * 27 + 6]);
  });

  test("passes once, unless the graph is retained", async () => {
    const x = leaf([2]);
    const loss = x.square().sum();
    loss.backward(undefined, { retainGraph: true });
    loss.backward();
    expect(await x.grad!.toArray()).toEqual([8]);
    expect(await codeOf(() => loss.backward())).toBe("state");
  });

  test("needs a gradient for what is no scalar, of its shape", async () => {
    const x = leaf([1, 2]);
    expect(await codeOf(() => x.mul(2).backward())).toBe("shape");
    expect(await codeOf(() => x.mul(2).backward(zeros(3, { device })))).toBe("shape");
    expect(await codeOf(() => tensor([1], { device }).backward())).toBe("state");
    x.mul(2).backward(tensor([1, 10], { device }));
    expect(await x.grad!.toArray()).toEqual([2, 20]);
  });

  test("stops at detach and inside noGrad", async () => {
    const x = leaf([2]);
    x.mul(x.detach()).sum().backward();
    expect(await x.grad!.toArray()).toEqual([2]);
    expect(noGrad(() => x.mul(2)).requiresGrad).toBe(false);
    expect(await codeOf(() => noGrad(async () => {}))).toBe("state");
  });

  test("grad leaves every grad alone and differentiates twice", async () => {
    const x = leaf([2, 3]);
    const y = x.pow(3).sum();
    const [first] = grad(y, [x], { createGraph: true });
    const [second] = grad(first!.sum(), [x]);
    expect(await first!.toArray()).toEqual([12, 27]);
    expect(await second!.toArray()).toEqual([12, 18]);
    expect(x.grad).toBeUndefined();
    expect(await codeOf(() => grad(x.sum(), [leaf([1])]))).toBe("state");
    expect(grad(x.sum(), [leaf([1])], { allowUnused: true })).toEqual([undefined]);
  });

  test("differentiates softmax and matmul twice", async () => {
    const x = tensor(Float64Array.from([0.1, -0.4, 0.3, 0.7, 0.2, -0.1]), {
      shape: [2, 3],
      device,
      requiresGrad: true,
    });
    const w = tensor(Float64Array.from([1, 2, -1, 0.5, 0.3, 0.9]), { shape: [3, 2], device });
    const f = (z: Tensor): Tensor => z.matmul(w).softmax(-1).square().sum();
    const slope = (z: Tensor): Tensor => grad(f(z), [z], { createGraph: true })[0]!.square().sum();
    const [got] = grad(slope(x), [x]);
    const values = await got!.data();
    const at = (await x.data()) as Float64Array;
    for (let i = 0; i < at.length; i++) {
      const shifted = async (h: number): Promise<number> => {
        const copy = at.slice();
        copy[i]! += h;
        return slope(tensor(copy, { shape: [2, 3], device, requiresGrad: true })).item();
      };
      expect(values[i]).toBeCloseTo(((await shifted(1e-5)) - (await shifted(-1e-5))) / 2e-5, 6);
    }
  });
});

describe("an update", () => {
  test("computes every new value from the old ones", async () => {
    const a = leaf([1, 2]);
    const b = leaf([10, 20]);
    noGrad(() =>
      assignAll(
        [
          [a, b.mul(2)],
          [b, a.add(1)],
        ],
        "swap",
      ),
    );
    expect(await a.toArray()).toEqual([20, 40]);
    expect(await b.toArray()).toEqual([2, 3]);
  });

  test("leaves readable what was read, kept or differentiated, and nothing else", async () => {
    const p = leaf([1, 2]);
    const read = p.mul(2);
    const kept = keep(p.mul(3));
    const unread = p.mul(4);
    const loss = p.mul(5).sum();
    await read.data();
    loss.backward();
    noGrad(() => p.assign(p.sub(p.grad!)));
    expect(await read.toArray()).toEqual([2, 4]);
    expect(await kept.toArray()).toEqual([3, 6]);
    expect(await loss.item()).toBe(15);
    expect(await p.toArray()).toEqual([-4, -3]);
    expect(await codeOf(() => unread.data())).toBe("stale-tensor");
  });

  test("names the operation whose result is gone, and the remedy, also where it was computed for backward", async () => {
    const [p, x] = [leaf([1, 2]), leaf([3, 4])];
    const saved = p.exp();
    const unread = p.mul(4);
    const loss = saved.mul(saved).mul(x).sum();
    await loss.item();
    loss.backward();
    noGrad(() => assignAll([[p, p.sub(p.grad!)]], "step()"));
    for (const [t, op] of [
      [saved, "exp"],
      [unread, "mul"],
    ] as const) {
      await expect(t.data()).rejects.toMatchObject({
        code: "stale-tensor",
        message: expect.stringMatching(`^${op}: .*await its data\\(\\) before step\\(\\), or keep\\(tensor\\) it`),
      });
    }
  });

  test("takes constants, views and one value for two leaves", async () => {
    const a = leaf([1, 2]);
    const b = leaf([3, 4]);
    noGrad(() => {
      const value = a.add(b);
      assignAll(
        [
          [a, value],
          [b, value],
        ],
        "tie",
      );
      a.assign(tensor([7, 8], { device }));
      b.assign(b.flip(0));
    });
    expect(await a.toArray()).toEqual([7, 8]);
    expect(await b.toArray()).toEqual([6, 4]);
  });

  test("leaves the gradients of other leaves usable", async () => {
    const a = leaf([1, 2]);
    const b = leaf([3, 4]);
    for (let i = 0; i < 3; i++) {
      a.mul(b).sum().backward();
      noGrad(() => a.assign(a.sub(a.grad!)));
      a.grad = undefined;
    }
    expect(await a.toArray()).toEqual([-8, -10]);
    // 1 − 2 − 5 and 2 − 2 − 6: what a was at each pass.
    expect(await b.grad!.toArray()).toEqual([-6, -6]);
  });

  test("says what to do about a gradient that was never read", async () => {
    const a = leaf([1, 2]);
    a.square().sum().backward();
    noGrad(() => a.assign(a.add(1)));
    await expect(async () => a.square().sum().backward()).rejects.toThrow(/zeroGrad\(\)/);
  });

  test("computes the gradients of a pass together", async () => {
    const leaves = Array.from({ length: 8 }, (_, i) => leaf([i, 1]));
    leaves
      .reduce((x, y) => x.mul(y).tanh())
      .sum()
      .backward();
    const before = device.counters.realizations;
    for (const x of leaves) await x.grad!.data();
    expect(device.counters.realizations - before).toBe(1);
  });

  test("computes the gradients with a loss that is read before an update uses them", async () => {
    const launches = async (read: boolean): Promise<number> => {
      const [x, w, table] = [leaf([1, 2, 3, 4]), leaf([1, -1, 2, 0.5]), leaf([5, 6, 7, 8])];
      const rows = embedding(tensor(Int32Array.of(1, 1), { device }), table.view(4, 1));
      const loss = x.view(2, 2).matmul(w.view(2, 2)).tanh().matmul(rows).square().sum();
      loss.backward();
      const before = device.counters.launches;
      if (read) await loss.item();
      noGrad(() =>
        assignAll(
          [x, w, table].map((p) => [p, p.sub(p.grad!)]),
          "step",
        ),
      );
      expect((await w.data()).every(Number.isFinite)).toBe(true);
      await loss.item();
      return device.counters.launches - before;
    };
    // Updates that were part of the gradients' launches are launches of their own then: one each.
    expect(await launches(true)).toBeLessThanOrEqual((await launches(false)) + 3);
  });

  test("refuses other shapes, dtypes and what is no leaf", async () => {
    const a = leaf([1, 2]);
    expect(await codeOf(() => a.assign(zeros(3, { device })))).toBe("shape");
    expect(await codeOf(() => a.assign(zeros(2, { device, dtype: "int32" })))).toBe("dtype");
    expect(await codeOf(() => a.mul(2).assign(zeros(2, { device })))).toBe("state");
  });
});

describe("memory", () => {
  /** A regression step in the plain form: no scope, one read. */
  async function train(steps: number, read: boolean): Promise<void> {
    const w = randn(64, 32, { device, requiresGrad: true });
    const b = zeros(32, { device, requiresGrad: true });
    const marks: number[] = [];
    for (let i = 0; i < steps; i++) {
      const x = tensor(
        Float32Array.from({ length: 8 * 64 }, (_, k) => Math.sin(k + i)),
        { shape: [8, 64], device },
      );
      const loss = x.matmul(w).add(b).tanh().square().mean();
      loss.backward();
      noGrad(() =>
        assignAll(
          [
            [w, w.sub(w.grad!.mul(0.1))],
            [b, b.sub(b.grad!.mul(0.1))],
          ],
          "step",
        ),
      );
      w.grad = undefined;
      b.grad = undefined;
      if (read) await loss.item();
      if (i === 20 || i === steps - 1) marks.push(device.memory().liveBytes);
    }
    // A loss that is never read keeps its four bytes until it is collected.
    expect(marks[1]! - marks[0]!).toBeLessThanOrEqual(read ? 0 : 64 * steps);
  }

  test("stays flat over the plain loop for 5,000 steps", async () => {
    await train(100, true);
    const before = process.memoryUsage().rss;
    await train(5000, true);
    expect(process.memoryUsage().rss - before).toBeLessThan(96 * 2 ** 20);
  }, 60_000);

  test("stays bounded when nothing is read", () => train(500, false));

  test("returns to where it was after scope and dispose", async () => {
    const x = randn(1000, { device });
    await x.data();
    const before = device.memory().liveBytes;
    const kept = scope(() => {
      const y = x.mul(2);
      const z = y.add(1);
      device.realize([y.value, z.value]);
      return z;
    }, device);
    expect(device.memory().liveBytes - before).toBeLessThan(2 * 4000);
    expect((await kept.data()).length).toBe(1000);
    kept.dispose();
    expect(device.memory().liveBytes).toBe(before);
    expect(await codeOf(() => kept.data())).toBe("stale-tensor");
  });
});

test("compile gives what its function gives, in one plan", async () => {
  const f = compile((x: Tensor) => x.exp().sum());
  expect(await f(tensor([0, 0], { device })).item()).toBe(2);
  const { plansBuilt } = device.counters;
  expect(await f(tensor([0, 0, 0], { device })).item()).toBe(3);
  expect(device.counters.plansBuilt).toBe(plansBuilt);
});

test("a chain that is never read runs in pieces", async () => {
  let x = tensor([0], { device });
  for (let i = 0; i < 10_000; i++) x = x.add(1);
  expect(await x.item()).toBe(10_000);
});
