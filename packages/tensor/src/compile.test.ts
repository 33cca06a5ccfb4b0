// A compiled function must give, to the bit, what it gives as it is written, and must notice when it cannot.

import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "./compile.js";
import { grad, keep, noGrad } from "./control.js";
import { createCpuDevice } from "./cpu/device.js";
import { fromTypedArray, rand, tensor, zeros } from "./creation.js";
import { Device } from "./graph/device.js";
import { Generator } from "./random.js";
import { ReferenceBackend } from "./reference/backend.js";
import { assignAll, type Tensor } from "./tensor.js";

let device: Device;
beforeAll(async () => {
  device = await createCpuDevice({ threads: 2 });
});

const dataOn = (on: Device, seed: number, ...shape: number[]): Tensor => {
  const count = shape.reduce((a, b) => a * b, 1);
  return fromTypedArray(
    Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + seed)),
    shape,
    { device: on },
  );
};
const data = (seed: number, ...shape: number[]): Tensor => dataOn(device, seed, ...shape);

/** A parameter with momentum, a random mask in the loss, and a step that updates both. */
function makeStep(seed: number, on = device) {
  const generator = new Generator(seed);
  const weight = dataOn(on, 1, 4, 3);
  weight.requiresGrad = true;
  const momentum = zeros([4, 3], { device: on });
  const step = (x: Tensor): Tensor => {
    const loss = x.matmul(weight).tanh().dropout(0.4, generator).square().mean();
    loss.backward();
    const next = noGrad(() => momentum.mul(0.9).add(weight.grad!));
    noGrad(() =>
      assignAll(
        [
          [weight, weight.sub(next.mul(0.1))],
          [momentum, next],
        ],
        "step",
      ),
    );
    weight.grad = undefined;
    return loss;
  };
  return { weight, momentum, generator, step };
}

describe("a compiled step", () => {
  test("equals the plain one to the bit, draws included, and leaves the same state", async () => {
    const [plain, compiled] = [makeStep(3), makeStep(3)];
    const step = compile(compiled.step);
    for (let i = 0; i < 50; i++) {
      const expected = plain.step(data(i, 5, 4));
      const got = step(data(i, 5, 4));
      if (i % 7 === 0) expect(await got.item()).toBe(await expected.item());
    }
    expect(step.replays).toBeGreaterThanOrEqual(47);
    expect(step.obstacle).toBeUndefined();
    expect(await compiled.weight.data()).toEqual(await plain.weight.data());
    expect(await compiled.momentum.data()).toEqual(await plain.momentum.data());
    expect(compiled.generator.state).toEqual(plain.generator.state);
  });

  test("hands the backend what runs again and again: captured once, submitted as one launch", async () => {
    let captures = 0;
    const submitted: number[] = [];
    class Counting extends ReferenceBackend {
      override capture(...args: Parameters<ReferenceBackend["capture"]>) {
        captures++;
        return super.capture(...args);
      }
      override submit(...args: Parameters<ReferenceBackend["submit"]>) {
        submitted.push(args[0].length);
        return super.submit(...args);
      }
    }
    const on = new Device(new Counting());
    const [plain, compiled] = [makeStep(7, on), makeStep(7, on)];
    const step = compile(compiled.step);
    for (let i = 0; i < 8; i++) await plain.step(dataOn(on, i, 5, 4)).item();
    for (let i = 0; i < 8; i++) {
      const { launches } = on.counters;
      submitted.length = 0;
      await step(dataOn(on, i, 5, 4)).item();
      if (i < 3) continue;
      expect(submitted[0]).toBe(1);
      expect(on.counters.launches - launches).toBeGreaterThan(2);
    }
    expect([step.replays, captures]).toEqual([5, 1]);
    expect(await compiled.weight.data()).toEqual(await plain.weight.data());
  });

  test("records another shape anew, and takes up each where it was", async () => {
    const [plain, compiled] = [makeStep(4), makeStep(4)];
    const step = compile(compiled.step);
    for (let i = 0; i < 24; i++) {
      const rows = 2 + (i % 3);
      plain.step(data(i, rows, 4));
      step(data(i, rows, 4));
    }
    expect(step.replays).toBeGreaterThan(12);
    expect(await compiled.weight.data()).toEqual(await plain.weight.data());
  });

  test("mixes with plain steps, assignments and values kept from before", async () => {
    const [plain, compiled] = [makeStep(5), makeStep(5)];
    const step = compile(compiled.step);
    for (let i = 0; i < 30; i++) {
      const before = [plain, compiled].map(({ weight }) => keep(noGrad(() => weight.sum())));
      const stale = noGrad(() => compiled.weight.mul(2));
      plain.step(data(i, 3, 4));
      (i % 5 === 4 ? compiled.step : step)(data(i, 3, 4));
      if (i % 11 === 5) for (const { weight } of [plain, compiled]) weight.assign(data(i, 4, 3));
      expect(await before[1]!.item()).toBe(await before[0]!.item());
      await expect(stale.data()).rejects.toMatchObject({ code: "stale-tensor" });
    }
    expect(step.replays).toBeGreaterThan(15);
    expect(await compiled.weight.data()).toEqual(await plain.weight.data());
  });

  test("holds no more memory with each call", async () => {
    const { step: plain } = makeStep(6);
    const step = compile(plain);
    for (let i = 0; i < 20; i++) await step(data(i, 64, 4)).item();
    const { liveBytes } = device.memory();
    for (let i = 0; i < 200; i++) await step(data(i, 64, 4)).item();
    expect(device.memory().liveBytes).toBeLessThanOrEqual(liveBytes);
  });

  test("does not trust a batch, a number or a draw that is made inside", async () => {
    let calls = 0;
    const generator = new Generator(1);
    const inside = compile((x: Tensor) => x.add(data(calls++, 3)).sum());
    const number = compile((x: Tensor) => x.mul(++calls).sum());
    for (let i = 0; i < 6; i++) {
      const from = calls;
      const x = data(0, 3);
      expect(await inside(x).item()).toBe(await x.add(data(from, 3)).sum().item());
      const times = calls + 1;
      expect(await number(x).item()).toBe(await x.mul(times).sum().item());
    }
    expect([inside.replays, number.replays]).toEqual([0, 0]);
    expect(inside.obstacle).toMatch(/alike|differ/);
    const draws = compile(() => rand([4], { device, generator }));
    const expected = new Generator(1);
    for (let i = 0; i < 6; i++) {
      const want = await rand([4], { device, generator: expected }).data();
      expect(await draws().data()).toEqual(want);
    }
    expect(draws.replays).toBe(4);
  });

  test("takes other arguments as they are, and other values of them as other calls", async () => {
    const scaled = compile((x: Tensor, by: number) => [x.mul(by), x.add(by).sum()] as const);
    for (let i = 0; i < 9; i++) {
      const by = 2 + (i % 2);
      const [y, sum] = scaled(data(i, 2), by);
      const [a, b] = await data(i, 2).data();
      expect(await y.data()).toEqual(new Float32Array([a! * by, b! * by]));
      expect(await sum.item()).toBeCloseTo(a! + b! + 2 * by, 5);
    }
    expect(scaled.replays).toBe(5);
  });

  test("runs as it is written when gradients are left behind or still wanted", async () => {
    const x = tensor([1, 2], { device, requiresGrad: true });
    const loss = compile((scale: Tensor) => x.mul(scale).square().sum());
    for (let i = 0; i < 4; i++) {
      const [g] = grad(loss(tensor([3, 1], { device })), [x]);
      expect(await g!.toArray()).toEqual([18, 4]);
    }
    expect(loss.obstacle).toMatch(/gradient/);
    const accumulate = compile((scale: Tensor) => {
      const y = x.mul(scale).sum();
      y.backward();
      return y;
    });
    for (let i = 0; i < 4; i++) accumulate(tensor([1, 2], { device }));
    expect(await x.grad!.toArray()).toEqual([4, 8]);
    expect(accumulate.obstacle).toMatch(/gradients/);
  });
});
