// What holds for every optimizer, whatever its rule: one table of optimizers, crossed with these properties.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCpuDevice, type Device, Generator, randn, type Tensor, tensor } from "@torchium/tensor";
import { loadCheckpoint, saveCheckpoint } from "@torchium/tensor/io";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { clipGradNorm } from "../clip.js";
import type { AnyOptimizer } from "../optimizer.js";
import { availableOptimizers, createOptimizer } from "../registry.js";
import { warmupCosine } from "../schedules/warmup.js";
import { rows } from "../testing/problems.js";

let folder = "";
let device: Device;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "optim-"));
  device = await createCpuDevice({ threads: 1 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const shapes = [[3, 4], [4], []] as const;

/** The same parameters and inputs at every call: a little network with a matrix, a bias and a scale. */
function makeModel() {
  const generator = new Generator(5);
  const params = shapes.map((shape) => randn(shape, { generator, device, requiresGrad: true }));
  const inputs = Array.from({ length: 12 }, () => randn(6, 3, { generator, device }));
  const [weight, bias, scale] = params as [Tensor, Tensor, Tensor];
  const loss = (step: number) => inputs[step]!.matmul(weight).add(bias).tanh().mul(scale).sub(0.3).square().mean();
  return { params, loss };
}

function train({ loss }: ReturnType<typeof makeModel>, optimizer: AnyOptimizer, from: number, to: number): void {
  for (let step = from; step < to; step++) {
    optimizer.zeroGrad();
    loss(step).backward();
    optimizer.step();
  }
}

const valuesOf = async (tensors: readonly Tensor[]) =>
  Promise.all(tensors.map(async (t) => [...new Uint32Array((await t.data()).buffer)]));

it("every optimizer has a row", () => {
  expect([...rows.map(({ name }) => name), "PCGrad"].sort()).toEqual(availableOptimizers().sort());
});

describe.each(rows)("$name", ({ name, everything }) => {
  it("continues bit for bit from a checkpoint", async () => {
    const begin = () => {
      const model = makeModel();
      const optimizer = createOptimizer(name, model.params, everything);
      train(model, optimizer, 0, 4);
      optimizer.paramGroups[0]!.lr *= 0.5;
      return { ...model, optimizer };
    };
    const whole = begin();
    train(whole, whole.optimizer, 4, 8);

    const before = begin();
    const place = join(folder, name);
    await saveCheckpoint(place, { params: Object.fromEntries(before.params.entries()), optimizer: before.optimizer });
    const after = makeModel();
    const optimizer = createOptimizer(name, after.params);
    const { params } = await loadCheckpoint(place, { into: { optimizer }, device });
    after.params.forEach((p, i) => p.assign((params as Record<string, Tensor>)[i]!));
    expect(optimizer.paramGroups[0]).toMatchObject({ ...everything, lr: before.optimizer.paramGroups[0]!.lr });
    train(after, optimizer, 4, 8);
    expect(await valuesOf(after.params)).toEqual(await valuesOf(whole.params));
  });

  it("copies the state it loads: two optimizers share nothing", async () => {
    const [first, second] = [makeModel(), makeModel()];
    const [a, b] = [first, second].map(({ params }) => createOptimizer(name, params, everything)) as [
      AnyOptimizer,
      AnyOptimizer,
    ];
    train(first, a, 0, 2);
    train(second, b, 0, 2);
    b.loadStateDict(a.stateDict());
    train(first, a, 2, 4);
    train(second, b, 2, 4);
    expect(await valuesOf(second.params)).toEqual(await valuesOf(first.params));
  });

  it("updates each group by its own options", async () => {
    const [grouped, slow, fast] = [makeModel(), makeModel(), makeModel()];
    const groups = [
      { params: [grouped.params[0]!, grouped.params[2]!], lr: 0 },
      { params: grouped.params[1]!, lr: 0.02 },
    ];
    const start = await valuesOf(grouped.params);
    const options = { ...everything, lr: 0.7 };
    train(grouped, createOptimizer(name, groups, options), 0, 1);
    train(slow, createOptimizer(name, slow.params, { ...everything, lr: 0 }), 0, 1);
    train(fast, createOptimizer(name, fast.params, { ...everything, lr: 0.02 }), 0, 1);
    const [after, still, moved] = await Promise.all([grouped, slow, fast].map(({ params }) => valuesOf(params)));
    expect(still).toEqual(start);
    expect(after).toEqual([start[0], moved![1], start[2]]);
  });

  it("leaves parameters without a gradient, and their state, alone", async () => {
    const { params } = makeModel();
    const [weight, bias] = params as [Tensor, Tensor, Tensor];
    const optimizer = createOptimizer(name, params, everything);
    const start = await valuesOf(params);
    for (let step = 0; step < 3; step++) {
      optimizer.zeroGrad();
      weight.square().sum().backward();
      if (step === 2) bias.square().sum().backward();
      optimizer.step();
    }
    const after = await valuesOf(params);
    expect(after[2]).toEqual(start[2]);
    expect(after[0]).not.toEqual(start[0]);
    const { state } = optimizer.stateDict();
    expect(Object.entries(state).map(([index, { step }]) => [index, step])).toEqual([
      ["0", 3],
      ["1", 1],
    ]);
    optimizer.zeroGrad();
    optimizer.step();
    expect(await valuesOf(params)).toEqual(after);
  });

  it("records the same operations at every step: nothing is planned or compiled after the second", async () => {
    const model = makeModel();
    const optimizer = createOptimizer(name, model.params, everything);
    const schedule = warmupCosine(optimizer, { warmupSteps: 4, totalSteps: 9 });
    const counters: unknown[] = [];
    for (let step = 0; step < 12; step++) {
      optimizer.zeroGrad();
      const loss = model.loss(step);
      loss.backward();
      clipGradNorm(model.params, 1);
      optimizer.step();
      schedule.step();
      await loss.item();
      const { plansBuilt, kernelsCompiled } = device.counters;
      if (step >= 1) counters.push({ plansBuilt, kernelsCompiled });
    }
    expect(new Set(counters.map((c) => JSON.stringify(c)))).toHaveLength(1);
  });

  it("climbs with maximize where it would descend on the negated loss", async () => {
    const [down, up] = [makeModel(), makeModel()];
    train({ ...down, loss: (step) => down.loss(step).neg() }, createOptimizer(name, down.params, everything), 0, 4);
    train(up, createOptimizer(name, up.params, { ...everything, maximize: true }), 0, 4);
    const [a, b] = await Promise.all([down, up].map(({ params }) => Promise.all(params.map((p) => p.data()))));
    a!.forEach((values, i) => values.forEach((x, k) => expect(b![i]![k]).toBeCloseTo(x, 5)));
  });

  it("does the same in float64, and keeps its state there", async () => {
    const p = tensor([0.5, -2], { dtype: "float64", device, requiresGrad: true });
    const optimizer = createOptimizer(name, [p], everything);
    p.square().sum().backward();
    optimizer.step();
    const { step, ...tensors } = optimizer.stateDict().state[0]!;
    expect(step).toBe(1);
    for (const t of Object.values(tensors)) expect((t as Tensor).dtype).toBe("float64");
    expect(p.dtype).toBe("float64");
  });

  it.each([false, true])(
    "runs each product once in a step, also in the first one (loss read before it: %s)",
    async (read) => {
      const model = makeModel();
      const optimizer = createOptimizer(name, model.params, everything);
      const submit = vi.spyOn(device.backend, "submit");
      for (let step = 0; step < 2; step++) {
        submit.mockClear();
        const loss = model.loss(step);
        loss.backward();
        if (read) await loss.item();
        optimizer.step();
        optimizer.zeroGrad();
        await loss.item();
        const labels = submit.mock.calls.flatMap(([launches]) => launches.map((l) => l.label));
        // One of the loss and one of the gradient.
        expect(labels.filter((label) => label.includes("matmul"))).toHaveLength(2);
      }
      submit.mockRestore();
    },
  );

  it("holds memory flat through a long run with accumulated and clipped gradients", async () => {
    const model = makeModel();
    const optimizer = createOptimizer(name, model.params, everything);
    const live: number[] = [];
    for (let step = 0; step < 40; step++) {
      optimizer.zeroGrad();
      const read: Tensor[] = [];
      for (const part of [0, 1, 2]) {
        const loss = model.loss((step + part) % 12).div(3);
        loss.backward();
        read.push(loss);
      }
      read.push(clipGradNorm(model.params, 0.5));
      optimizer.step();
      // What can be read holds memory until it is.
      for (const t of read) await t.item();
      live.push(device.memory().liveBytes);
    }
    // It may fall: what earlier tests have left on the device is collected at some time.
    for (let step = 15; step < live.length; step++) expect(live[step]).toBeLessThanOrEqual(live[step - 1]!);
  });
});
