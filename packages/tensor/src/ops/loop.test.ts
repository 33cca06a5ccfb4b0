// A loop must equal its unrolled form, in values and in every gradient, and a new length must plan nothing.

import { describe, expect, test } from "vitest";
import { randn, tensor, zeros } from "../creation.js";
import { Device } from "../graph/device.js";
import { Generator } from "../random.js";
import { createReferenceBackend } from "../reference/index.js";
import type { Tensor } from "../tensor.js";
import { loop } from "./loop.js";
import { sum } from "./reduce.js";
import { cat, stack } from "./shape-ops.js";

const device = new Device(createReferenceBackend());
const options = { device, dtype: "float64" as const };

type Cell = (x: Tensor, h: Tensor, projected: Tensor, scale: Tensor) => { h: Tensor; y: Tensor };
const cell: Cell = (x, h, projected, scale) => {
  const next = x.add(projected).tanh().mul(scale).add(h.mul(0.5));
  return { h: next, y: next.square().add(x) };
};

function make(length: number, seed: number) {
  const generator = new Generator(seed);
  const leaf = (...shape: number[]): Tensor => randn(shape, { ...options, generator, requiresGrad: true });
  return { x: leaf(length, 2, 3), h: leaf(2, 3), weight: leaf(3, 3), scale: leaf(3) };
}

function looped(p: ReturnType<typeof make>, reverse: boolean) {
  const { outputs, histories } = loop("cell", {
    sequences: [p.x],
    states: [p.h],
    constants: [p.scale],
    projections: [{ state: 0, weight: p.weight }],
    reverse,
    body: ({ inputs, states, constants, projected }) => {
      const { h, y } = cell(inputs[0]!, states[0]!, projected[0]!, constants[0]!);
      return { states: [h], outputs: [y] };
    },
  });
  return { y: outputs[0]!, history: histories[0]! };
}

function unrolled(p: ReturnType<typeof make>, reverse: boolean) {
  const length = p.x.shape[0]!;
  const ys: Tensor[] = new Array(length);
  const hs = [p.h];
  for (let i = 0; i < length; i++) {
    const t = reverse ? length - 1 - i : i;
    const h = hs[hs.length - 1]!;
    const out = cell(p.x.select(0, t), h, h.matmul(p.weight.T), p.scale);
    ys[t] = out.y;
    hs.push(out.h);
  }
  return { y: stack(ys), history: stack(hs) };
}

const near = async (a: Tensor, b: Tensor): Promise<void> => {
  const [x, y] = [await a.data(), await b.data()];
  expect(x.length).toBe(y.length);
  x.forEach((v, i) => expect(Math.abs(v - y[i]!)).toBeLessThan(1e-12 * Math.max(1, Math.abs(y[i]!))));
};

describe.each([false, true])("loop with reverse %s", (reverse) => {
  test.each([1, 2, 5])("equals its unrolled form over %i steps", async (length) => {
    const a = make(length, 7);
    const b = make(length, 7);
    const fast = looped(a, reverse);
    const slow = unrolled(b, reverse);
    await near(fast.y, slow.y);
    await near(fast.history, slow.history);
    sum(fast.y.sin()).add(sum(fast.history.cos())).backward();
    sum(slow.y.sin()).add(sum(slow.history.cos())).backward();
    for (const key of ["x", "h", "weight", "scale"] as const) await near(a[key].grad!, b[key].grad!);
  });

  test("plans nothing for a new length", async () => {
    const run = async (length: number): Promise<void> => {
      const p = make(length, 3);
      const { y, history } = looped(p, reverse);
      sum(cat([y.reshape(-1), history.reshape(-1)])).backward();
      for (const key of ["x", "h", "weight", "scale"] as const) await p[key].grad!.data();
    };
    await run(3);
    await run(4);
    const { plansBuilt, kernelsCompiled } = device.counters;
    await run(9);
    expect(device.counters).toMatchObject({ plansBuilt, kernelsCompiled });
  });
});

test("a loop refuses tensors from outside its body", () => {
  const outside = tensor([1, 2, 3], options);
  const x = zeros(2, 3, options);
  const make = () =>
    loop("cell", {
      sequences: [x],
      states: [],
      body: ({ inputs }) => ({ states: [], outputs: [inputs[0]!.add(outside)] }),
    });
  expect(make).toThrow(/passed as constants/);
});
