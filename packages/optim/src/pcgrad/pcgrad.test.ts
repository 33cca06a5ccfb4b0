// Gradient surgery against every outcome that the paper's algorithm allows, and PCGrad as an optimizer.

import { createCpuDevice, Generator, type Tensor, tensor } from "@torchium/tensor";
import { describe, expect, it } from "vitest";
import { clipGradNorm, PCGrad, SGD } from "../index.js";
import { type Golden, numbersOf, readGoldens } from "../testing/goldens.js";
import { errorLike } from "../testing/problems.js";
import { combineGradients, drawOrders } from "./surgery.js";

type Case = {
  readonly name: string;
  readonly op: string;
  readonly inputs: { readonly gradients: Golden };
  readonly anyOf: Golden;
};

const cases = readGoldens<{ cases: readonly Case[] }>("gradients").cases.filter(({ op }) => op === "PCGrad");

const rowsOf = (golden: Golden): number[][] => {
  const [, width] = golden.shape as readonly [number, number];
  const flat = numbersOf(golden);
  return Array.from({ length: golden.shape[0]! }, (_, i) => flat.slice(i * width, (i + 1) * width));
};

/** Algorithm 1 as the paper has it, on plain arrays. */
function paper(gradients: readonly (readonly number[])[], orders: readonly (readonly number[])[]): number[] {
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  const projected = gradients.map((own, i) => {
    let running = [...own];
    for (const j of orders[i]!) {
      const other = gradients[j]!;
      const conflict = dot(running, other);
      if (conflict < 0) running = running.map((x, k) => x - (conflict / dot(other, other)) * other[k]!);
    }
    return running;
  });
  return gradients[0]!.map((_, k) => projected.reduce((sum, g) => sum + g[k]!, 0));
}

const distance = (a: ArrayLike<number>, b: readonly number[]): number =>
  Math.max(...b.map((x, i) => Math.abs(x - a[i]!)));

describe.each([
  ["float64", 1e-8],
  ["float32", 1e-6],
] as const)("the combined gradient in %s", (dtype, tolerance) => {
  it.each(cases.map((c) => [c.name, c] as const))("is one that the paper allows: %s", async (_, { inputs, anyOf }) => {
    const gradients = rowsOf(inputs.gradients).map((row) => row.map(Math.fround));
    const allowed = rowsOf(anyOf);
    const generator = new Generator(3);
    const seen = new Set<number>();
    for (let draw = 0; draw < 12; draw++) {
      const orders = drawOrders(gradients.length, generator);
      const tasks = gradients.map((g) => [tensor(g, { dtype })]);
      const [combined] = combineGradients(tasks, orders, "sum");
      const got = await combined!.data();
      expect(distance(got, paper(gradients, orders))).toBeLessThan(tolerance);
      const nearest = allowed.findIndex((outcome) => distance(got, outcome) < tolerance);
      expect(nearest).toBeGreaterThanOrEqual(0);
      seen.add(nearest);
    }
    if (allowed.length > 1) expect(seen.size).toBeGreaterThan(1);
  });
});

describe("orders", () => {
  it("meet every other task once, and differ", () => {
    const generator = new Generator(1);
    const seen = new Set<string>();
    for (let draw = 0; draw < 20; draw++) {
      const orders = drawOrders(4, generator);
      orders.forEach((order, task) => {
        expect([...order, task].sort()).toEqual([0, 1, 2, 3]);
        seen.add(`${task}:${order}`);
      });
    }
    expect(seen.size).toBe(4 * 6);
  });
});

/** A shared weight, a head for each of three tasks, and losses that pull the shared weight apart. */
function makeTasks(device?: Tensor["device"]) {
  const make = (data: number[]) => tensor(data, { requiresGrad: true, ...(device ? { device } : {}) });
  const shared = make([1, -2, 0.5]);
  const heads = [make([1]), make([-1]), make([0.5])];
  const unused = make([9]);
  const losses = () => {
    const features = shared.tanh();
    return heads.map((head, k) => features.mul(head).sum().sub(k).square().mean());
  };
  return { shared, heads, unused, losses, params: [shared, ...heads, unused] };
}

describe("PCGrad", () => {
  it("projects what tasks share and leaves heads their whole gradient", async () => {
    const { shared, heads, unused, losses, params } = makeTasks();
    const own: number[][] = [];
    const headGradients: unknown[] = [];
    for (const [k, head] of heads.entries()) {
      losses()[k]!.backward();
      own.push([...(await shared.grad!.data())]);
      headGradients.push(await head.grad!.toArray());
      for (const p of params) p.grad = undefined;
    }
    const generator = new Generator(5);
    const orders = drawOrders(3, new Generator(5));
    const optimizer = new PCGrad(params, { generator });
    optimizer.pcBackward(losses());
    expect(distance(await shared.grad!.data(), paper(own, orders))).toBeLessThan(1e-5);
    expect(await Promise.all(heads.map((head) => head.grad!.toArray()))).toEqual(headGradients);
    expect(unused.grad).toBeUndefined();
  });

  it("takes products over shared parameters only", async () => {
    const [a, b, head] = [[1, 0], [0, 1], [5]].map((x) => tensor(x, { requiresGrad: true })) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const optimizer = new PCGrad([a, b, head], { generator: new Generator(0) });
    // Gradients: task 0 is (2, 0 | 1, 0) and 100 on its head, task 1 is (-1, 1 | 0, 0): they conflict by -2 alone.
    const first = a
      .mul(tensor([2, 0]))
      .sum()
      .add(b.mul(tensor([1, 0])).sum())
      .add(head.mul(100).sum());
    const second = a
      .mul(tensor([-1, 1]))
      .sum()
      .add(b.mul(0).sum());
    optimizer.pcBackward([first, second]);
    const expected = paper(
      [
        [2, 0, 1, 0],
        [-1, 1, 0, 0],
      ],
      [[1], [0]],
    );
    expect(distance([...(await a.grad!.data()), ...(await b.grad!.data())], expected)).toBeLessThan(1e-6);
    expect(await head.grad!.toArray()).toEqual([100]);
  });

  it("takes the mean of shared gradients when asked", async () => {
    const [sum, mean] = (["sum", "mean"] as const).map((reduction) => {
      const { shared, heads, losses, params } = makeTasks();
      new PCGrad(params, { reduction, generator: new Generator(2) }).pcBackward(losses());
      return { shared: shared.grad!, head: heads[0]!.grad! };
    });
    const expected = [...(await sum!.shared.data())].map((x) => x / 3);
    expect(distance(await mean!.shared.data(), expected)).toBeLessThan(1e-6);
    expect(await mean!.head.toArray()).toEqual(await sum!.head.toArray());
  });

  it("is plain descent for one task, and for tasks that share nothing", async () => {
    const p = tensor([3], { requiresGrad: true });
    const q = tensor([4], { requiresGrad: true });
    const optimizer = new PCGrad(new SGD([p, q], { lr: 1 }));
    optimizer.pcBackward([p.square().sum()]);
    optimizer.pcBackward([p.mul(2).sum(), q.square().sum()]);
    expect([await p.grad!.toArray(), await q.grad!.toArray()]).toEqual([[8], [8]]);
  });

  it("moves every head, keeps losses readable, and accumulates and clips like backward", async () => {
    const { heads, losses, params } = makeTasks();
    const optimizer = new PCGrad(params, { lr: 0.1 });
    const start = await Promise.all(heads.map((head) => head.item()));
    optimizer.pcBackward(losses());
    const list = losses();
    optimizer.pcBackward(list);
    const norm = clipGradNorm(params, 1);
    optimizer.step();
    optimizer.zeroGrad();
    const after = await Promise.all(heads.map((head) => head.item()));
    after.forEach((x, k) => expect(x).not.toBe(start[k]));
    for (const t of [...list, norm]) expect(await t.item()).toBeGreaterThan(0);
  });

  it("draws another order without planning or compiling anything new", async () => {
    const device = await createCpuDevice({ threads: 1 });
    const { losses, params } = makeTasks(device);
    const optimizer = new PCGrad(params, { lr: 0.01, generator: new Generator(8) });
    const counters: string[] = [];
    for (let step = 0; step < 10; step++) {
      optimizer.zeroGrad();
      optimizer.pcBackward(losses());
      optimizer.step();
      const { plansBuilt, kernelsCompiled } = device.counters;
      if (step >= 2) counters.push(`${plansBuilt} ${kernelsCompiled}`);
    }
    expect(new Set(counters)).toHaveLength(1);
  });

  it("continues bit for bit from its state: optimizer, rates and orders", async () => {
    const run = (from: number, to: number, tasks: ReturnType<typeof makeTasks>, optimizer: PCGrad) => {
      for (let step = from; step < to; step++) {
        optimizer.zeroGrad();
        optimizer.pcBackward(tasks.losses());
        optimizer.step();
      }
    };
    const whole = makeTasks();
    const trained = new PCGrad(whole.params, { lr: 0.05, generator: new Generator(4) });
    run(0, 3, whole, trained);
    trained.paramGroups[0]!.lr = 0.01;
    const again = makeTasks();
    const resumed = new PCGrad(again.params);
    again.params.forEach((p, i) => p.assign(whole.params[i]!.mul(1)));
    resumed.loadStateDict(trained.stateDict());
    expect(resumed.paramGroups[0]!.lr).toBe(0.01);
    run(3, 8, whole, trained);
    run(3, 8, again, resumed);
    for (const [i, p] of again.params.entries()) expect(await p.data()).toEqual(await whole.params[i]!.data());
  });
});

describe("errors", () => {
  const p = tensor([1], { requiresGrad: true });
  const made = () => new PCGrad([p]);
  it.each([
    ["argument", "losses must be a list of at least one loss, got []", () => made().pcBackward([])],
    ["argument", "losses must be a list", () => made().pcBackward(p as never)],
    ["argument", "losses must be a list of tensors, got 5", () => made().pcBackward([5 as never])],
    ["shape", "a loss must be one number, got [2]", () => made().pcBackward([p.expand(2)])],
    ["state", "does not require a gradient", () => made().pcBackward([tensor([1])])],
    ["argument", 'reduction must be "sum" or "mean", got "max"', () => new PCGrad([p], { reduction: "max" as never })],
    ["argument", "generator must be a Generator, got 5", () => new PCGrad([p], { generator: 5 as never })],
    [
      "argument",
      "unknown option, got weigthDecay, did you mean weightDecay?",
      () => new PCGrad([p], { weigthDecay: 1 } as never),
    ],
    ["argument", "PCGrad: unknown option, got lr", () => new PCGrad(new SGD([p]), { lr: 1 })],
    ["argument", "lr must be a finite number of at least 0, got NaN", () => new PCGrad([p], { lr: Number.NaN })],
    ["format", "Generator: the state needs", () => made().loadStateDict({} as never)],
  ])("%s: %s", (code, message, act) => {
    expect(act).toThrow(errorLike(code, message));
  });

  it("a step after a plain backward says that the tasks are lost", () => {
    const optimizer = made();
    p.square().sum().backward();
    expect(() => optimizer.step()).toThrow(
      errorLike("state", "pcBackward([loss1, loss2, …])", "after a plain backward()"),
    );
    optimizer.pcBackward([p.square().sum()]);
    optimizer.step();
    expect(() => optimizer.step()).toThrow(errorLike("state", "pcBackward"));
  });
});
