// Row-sparse gradients: which optimizers take them, that they touch the named rows and no others, and that clipping
// counts them as the dense gradients they stand for. The goldens have PyTorch's trajectories.

import { createCpuDevice, embeddingDot, Generator, randn, rowGradientOf, type Tensor, tensor } from "@torchium/tensor";
import { Embedding } from "@torchium/tensor/nn";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { clipGradNorm, clipGradValue } from "./clip.js";
import { Adagrad, SGD, SparseAdam } from "./index.js";
import type { AnyOptimizer } from "./optimizer.js";
import { availableOptimizers, createOptimizer } from "./registry.js";
import { errorLike } from "./testing/problems.js";

type CpuDevice = Awaited<ReturnType<typeof createCpuDevice>>;
let device: CpuDevice;
beforeAll(async () => {
  device = await createCpuDevice({ threads: 1 });
});

const takers = [
  ["SGD", { lr: 0.1 }],
  ["Adagrad", { lr: 0.1, initialAccumulatorValue: 0.1 }],
  ["SparseAdam", { lr: 0.1 }],
] as const;

const batches = [
  [2, 0, 2],
  [5, 5, 1],
  [0, 3, 2],
];

/** A table of 7 rows, the same at every call, and a step on one batch of its rows. */
function makeTable(sparse: boolean, size = 7) {
  const layer = new Embedding(size, 3, { sparse, generator: new Generator(4), device });
  const wanted = randn(3, 3, { generator: new Generator(9), device });
  const backward = (ids: readonly number[]): void => {
    const at = tensor(Int32Array.from(ids), { device });
    layer.forward(at).sub(wanted).square().sum().backward();
  };
  const step = (optimizer: AnyOptimizer, ids: readonly number[]): void => {
    backward(ids);
    optimizer.step();
    optimizer.zeroGrad();
  };
  return { layer, weight: layer.weight as Tensor, backward, step };
}

const bitsOf = async (t: Tensor) => [...new Uint32Array((await t.data()).buffer)];

describe.each(takers)("%s", (name, options) => {
  it("does what it does with the dense gradient", async () => {
    // SparseAdam is lazy: the two agree while every step touches every row.
    const lazy = name === "SparseAdam";
    const touched = lazy ? batches.map(() => [0, 1, 2]) : batches;
    const [sparse, dense] = [makeTable(true, lazy ? 3 : 7), makeTable(false, lazy ? 3 : 7)];
    for (const table of [sparse, dense]) {
      const optimizer = createOptimizer(name, [table.weight], options);
      for (const ids of touched) table.step(optimizer, ids);
    }
    const expected = await dense.weight.data();
    for (const [i, x] of (await sparse.weight.data()).entries()) expect(x).toBeCloseTo(expected[i]!, 5);
  });

  it("leaves rows that no id names bit for bit, state included", async () => {
    const { weight, step } = makeTable(true);
    const optimizer = createOptimizer(name, [weight], options);
    const before = await bitsOf(weight);
    step(optimizer, [2, 0, 2]);
    const state = optimizer.stateDict().state[0]!;
    const tensors = Object.values(state).filter((x): x is Tensor => typeof x !== "number");
    const stateBefore = await Promise.all(tensors.map(bitsOf));
    step(optimizer, [2, 2, 2]);
    const rowsOf = (bits: readonly number[], row: number) => bits.slice(3 * row, 3 * row + 3);
    const after = await bitsOf(weight);
    for (const row of [1, 3, 4, 5, 6]) expect(rowsOf(after, row)).toEqual(rowsOf(before, row));
    expect(rowsOf(after, 2)).not.toEqual(rowsOf(before, 2));
    for (const [i, t] of tensors.entries()) {
      const bits = await bitsOf(t);
      for (const row of [0, 1, 3, 4, 5, 6]) expect(rowsOf(bits, row)).toEqual(rowsOf(stateBefore[i]!, row));
    }
  });

  it("continues bit for bit from its state", async () => {
    const [whole, parts] = [makeTable(true), makeTable(true)];
    const optimizer = createOptimizer(name, [whole.weight], options);
    for (const ids of batches) whole.step(optimizer, ids);
    const first = createOptimizer(name, [parts.weight], options);
    parts.step(first, batches[0]!);
    const second = createOptimizer(name, [parts.weight]);
    second.loadStateDict(first.stateDict());
    for (const ids of batches.slice(1)) parts.step(second, ids);
    expect(await bitsOf(parts.weight)).toEqual(await bitsOf(whole.weight));
  });

  it("runs the same launches whatever the size of the table, and compiles nothing after the first steps", async () => {
    const work = async (size: number) => {
      const { weight, step } = makeTable(true, size);
      const optimizer = createOptimizer(name, [weight], options);
      for (const ids of batches) step(optimizer, ids);
      const { plansBuilt, kernelsCompiled } = device.counters;
      const submit = vi.spyOn(device.backend, "submit");
      step(optimizer, [1, 1, 4]);
      await device.finish();
      const launches = submit.mock.calls.flatMap(([list]) =>
        list.map(({ sizes, label }) => ({ sizes: [...sizes], label })),
      );
      submit.mockRestore();
      expect(device.counters).toMatchObject({ plansBuilt, kernelsCompiled });
      expect(launches.length).toBeGreaterThan(0);
      // Gathers and scatters name the table among their axes; they go over the rows that the ids name.
      return launches.map(({ sizes, label }) => {
        const named = /gather|scatter|embedding/i.test(label) ? sizes.map((n) => (n === size ? "table" : n)) : sizes;
        return `${label} ${named.join(" ")}`;
      });
    };
    expect(await work(20_011)).toEqual(await work(1_009));
  });

  it("climbs with maximize", async () => {
    const { weight, step } = makeTable(true);
    const before = await weight.data();
    step(createOptimizer(name, [weight], { ...options, maximize: true }), [2, 0, 1]);
    const other = makeTable(true);
    other.step(createOptimizer(name, [other.weight], options), [2, 0, 1]);
    const [up, down] = [await weight.data(), await other.weight.data()];
    for (const [i, x] of before.entries()) expect(up[i]! - x).toBeCloseTo(x - down[i]!, 5);
  });
});

describe("what moves other rows too is refused", () => {
  const refused = availableOptimizers().filter(
    (name) => name !== "PCGrad" && !takers.some(([taker]) => taker === name),
  );
  const withOptions = [
    ["SGD", { momentum: 0.9 }, "momentum"],
    ["SGD", { weightDecay: 0.1, momentum: 0.9 }, "momentum and weightDecay"],
    ["Adagrad", { weightDecay: 0.1 }, "weightDecay"],
  ] as const;

  it.each([...refused.map((name) => [name, {}, ""] as const), ...withOptions])(
    "by %s %o, which changes nothing",
    async (name, options, obstacle) => {
      const { weight, backward } = makeTable(true);
      const before = await bitsOf(weight);
      const optimizer = createOptimizer(name, [weight], options);
      backward([1, 2, 3]);
      expect(() => optimizer.step()).toThrow(
        errorLike("unsupported", `${name}.step:`, obstacle, "SparseAdam", "[7, 3]"),
      );
      expect(await bitsOf(weight)).toEqual(before);
    },
  );
});

describe("clipping", () => {
  it.each([2, 1, Number.POSITIVE_INFINITY])(
    "has the %s-norm of the dense gradient, and scales it as it",
    async (normType) => {
      const [sparse, dense] = [makeTable(true), makeTable(false)];
      const norms = [sparse, dense].map(({ weight, backward }) => {
        backward([2, 0, 2]);
        return clipGradNorm([weight], 0.5, normType);
      });
      expect(await norms[0]!.item()).toBeCloseTo(await norms[1]!.item(), 4);
      for (const { weight } of [sparse, dense]) new SGD([weight], { lr: 1 }).step();
      const expected = await dense.weight.data();
      for (const [i, x] of (await sparse.weight.data()).entries()) expect(x).toBeCloseTo(expected[i]!, 5);
    },
  );

  it("limits the sum of the rows of an index, not each of them", async () => {
    const [sparse, dense] = [makeTable(true), makeTable(false)];
    for (const { weight, backward } of [sparse, dense]) {
      backward([2, 0, 2]);
      clipGradValue([weight], 0.7);
      new Adagrad([weight], { lr: 1, initialAccumulatorValue: 1 }).step();
    }
    const expected = await dense.weight.data();
    for (const [i, x] of (await sparse.weight.data()).entries()) expect(x).toBeCloseTo(expected[i]!, 5);
  });

  it("forgets row-sparse gradients with zeroGrad", () => {
    const { weight, backward } = makeTable(true);
    backward([1, 1, 1]);
    expect(rowGradientOf(weight)).toBeDefined();
    new SparseAdam([weight]).zeroGrad();
    expect(rowGradientOf(weight)).toBeUndefined();
  });
});

it.each([true, false])("are of use after another optimizer has stepped (products: %s)", async (products) => {
  const train = async (tableFirst: boolean): Promise<number[]> => {
    const { weight, layer } = makeTable(true);
    const x = randn(4, 3, { generator: new Generator(2), device, requiresGrad: true });
    const optimizers = [new SparseAdam([weight], { lr: 0.1 }), new SGD([x], { lr: 0.1 })];
    if (!tableFirst) optimizers.reverse();
    for (let i = 0; i < 3; i++) {
      const ids = tensor(Int32Array.of(0, 1, 6, 6), { shape: [4, 1], device });
      const scores = products
        ? embeddingDot(x, weight, ids, { sparse: true })
        : layer.forward(ids.view(4)).mul(x).tanh();
      scores.square().sum().backward();
      for (const optimizer of optimizers) optimizer.step();
      for (const optimizer of optimizers) optimizer.zeroGrad();
    }
    return [...(await weight.data()), ...(await x.data())];
  };
  const expected = await train(true);
  for (const [i, v] of (await train(false)).entries()) expect(v).toBeCloseTo(expected[i]!, 6);
});

it("SGD adds products to the rows as it adds the rows", async () => {
  const weights = await Promise.all(
    [true, false].map(async (sparse) => {
      const x = randn(4, 3, { generator: new Generator(2), device });
      const { weight } = makeTable(true);
      const optimizer = new SGD([weight], { lr: 0.1 });
      for (let i = 0; i < 3; i++) {
        const ids = tensor(Int32Array.of(0, 1, 2, 2, 1, 6, 6, 6), { shape: [4, 2], device });
        embeddingDot(x, weight, ids, { sparse }).square().sum().backward();
        optimizer.step();
        optimizer.zeroGrad();
      }
      return [...(await weight.data())] as number[];
    }),
  );
  weights[0]!.forEach((value, i) => expect(value).toBeCloseTo(weights[1]![i]!, 5));
});
