// LSTM and GRU beyond the goldens: against the equations unrolled by hand, lengths in all their forms, plans for new
// lengths, training, errors.

import { describe, expect, test } from "vitest";
import { createCpuDeviceSync } from "../../cpu/device.js";
import { assignAll, cat, Generator, manualSeed, randn, type Tensor, tensor, zeros } from "../../index.js";
import { GRU, LSTM, type RecurrentOptions } from "../index.js";
import { caught } from "../testing/errors.js";

const generator = new Generator(33);
const float64 = { dtype: "float64", generator } as const;
const random = (...shape: number[]): Tensor => randn(shape, { ...float64, requiresGrad: true });

async function expectClose(a: Tensor, b: Tensor, digits = 10): Promise<void> {
  expect(a.shape).toEqual(b.shape);
  const want = await b.data();
  (await a.data()).forEach((x, i) => expect(x).toBeCloseTo(want[i]!, digits));
}

/** A layer's call as [output, …states]. */
const layers = {
  LSTM: (options: RecurrentOptions = {}) => {
    const layer = new LSTM(2, 3, { ...float64, ...options });
    return {
      layer,
      run: (x: Tensor, lengths?: Tensor | readonly number[]): Tensor[] => {
        const [y, states] = layer.forward(x, undefined, { lengths });
        return [y, ...states];
      },
    };
  },
  GRU: (options: RecurrentOptions = {}) => {
    const layer = new GRU(2, 3, { ...float64, ...options });
    return {
      layer,
      run: (x: Tensor, lengths?: Tensor | readonly number[]): Tensor[] => layer.forward(x, undefined, { lengths }),
    };
  },
} as const;

test("an LSTM is its equations", async () => {
  const { layer, run } = layers.LSTM();
  const { weight_ih_l0: wi, weight_hh_l0: wh, bias_ih_l0: bi, bias_hh_l0: bh } = layer.stateDict();
  const x = random(4, 2, 2);
  let [h, c] = [zeros(2, 3, { dtype: "float64" }), zeros(2, 3, { dtype: "float64" })];
  const [y, hn, cn] = run(x);
  for (let t = 0; t < 4; t++) {
    const gates = x.select(0, t).matmul(wi!.T).add(bi!).add(h.matmul(wh!.T)).add(bh!);
    const [i, f, g, o] = gates.chunk(4, -1) as [Tensor, Tensor, Tensor, Tensor];
    c = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()));
    h = o.sigmoid().mul(c.tanh());
    await expectClose(y!.select(0, t), h);
  }
  await expectClose(hn!.squeeze(0), h);
  await expectClose(cn!.squeeze(0), c);
});

test("a GRU is its equations", async () => {
  const { layer, run } = layers.GRU();
  const { weight_ih_l0: wi, weight_hh_l0: wh, bias_ih_l0: bi, bias_hh_l0: bh } = layer.stateDict();
  const x = random(4, 2, 2);
  let h = zeros(2, 3, { dtype: "float64" });
  const [y] = run(x);
  for (let t = 0; t < 4; t++) {
    const [xr, xz, xn] = x.select(0, t).matmul(wi!.T).add(bi!).chunk(3, -1) as [Tensor, Tensor, Tensor];
    const [hr, hz, hn] = h.matmul(wh!.T).add(bh!).chunk(3, -1) as [Tensor, Tensor, Tensor];
    const [r, z] = [xr.add(hr).sigmoid(), xz.add(hz).sigmoid()];
    const n = xn.add(r.mul(hn)).tanh();
    h = n.mul(z.mul(-1).add(1)).add(z.mul(h));
    await expectClose(y!.select(0, t), h);
  }
});

describe.each(Object.entries(layers))("%s", (_, make) => {
  test("lengths: each sequence as if it were alone, whatever its padding holds", async () => {
    const { layer, run } = make({ numLayers: 2, bidirectional: true, batchFirst: true });
    const lengths = [3, 5, 1];
    const parts = lengths.map((n) => random(1, n, 2));
    const padded = cat(
      parts.map((p) => cat([p, random(1, 5 - p.shape[1]!, 2).mul(100)], 1)),
      0,
    );
    const together = run(padded, tensor(Int32Array.from(lengths)));
    for (const [b, part] of parts.entries()) {
      const alone = run(part);
      const n = lengths[b]!;
      await expectClose(together[0]!.slice(0, b, b + 1).slice(1, 0, n), alone[0]!);
      expect(
        await together[0]!
          .slice(0, b, b + 1)
          .slice(1, n)
          .abs()
          .sum()
          .item(),
      ).toBe(0);
      for (const [k, state] of alone.slice(1).entries()) await expectClose(together[k + 1]!.slice(1, b, b + 1), state);
    }
    const loss = (ys: readonly Tensor[]): Tensor => ys.map((y) => y.square().sum()).reduce((a, b) => a.add(b));
    loss(together).backward();
    const gradients = await Promise.all(layer.parameters().map((p) => p.grad!.data()));
    layer.zeroGrad();
    for (const part of parts) loss(run(part)).backward();
    for (const [i, p] of layer.parameters().entries()) {
      (await p.grad!.data()).forEach((g, k) => expect(g).toBeCloseTo(gradients[i]![k]!, 9));
    }
  });

  test("lengths as numbers and as integers of either sign; all full is none given; 0 keeps the initial state", async () => {
    const { run } = make();
    const x = random(3, 2, 2);
    const plain = run(x);
    for (const lengths of [[3, 3], tensor(Int32Array.of(3, 3)), tensor(Uint32Array.of(3, 3))]) {
      for (const [k, y] of run(x, lengths).entries()) await expectClose(y, plain[k]!);
    }
    const [y, ...states] = run(x, [0, 2]);
    expect(await y!.select(1, 0).abs().sum().item()).toBe(0);
    for (const s of states) expect(await s.select(1, 0).abs().sum().item()).toBe(0);
  });

  test("padding takes no gradient", async () => {
    const { run } = make({ bidirectional: true });
    const x = random(4, 2, 2);
    run(x, [2, 4])[0]!.square().sum().backward();
    expect(await x.grad!.select(1, 0).slice(0, 2).abs().sum().item()).toBe(0);
    expect(await x.grad!.select(1, 0).slice(0, 0, 2).abs().sum().item()).not.toBe(0);
  });

  test("without a batch, and batch first", async () => {
    const { layer, run } = make({ bidirectional: true });
    const first = make({ bidirectional: true, batchFirst: true });
    first.layer.loadStateDict(layer.stateDict());
    const x = random(4, 2);
    const [y, h] = run(x);
    const [expected, state] = run(x.unsqueeze(1));
    await expectClose(y!, expected!.squeeze(1));
    await expectClose(h!, state!.squeeze(1));
    const batch = random(4, 3, 2);
    await expectClose(first.run(batch.transpose(0, 1))[0]!.transpose(0, 1), run(batch)[0]!);
  });

  test("dropout between layers in training only, never after the last", async () => {
    const { layer, run } = make({ numLayers: 2, dropout: 0.5 });
    const x = random(5, 2, 2);
    const seeded = (seed: number) => {
      manualSeed(seed);
      return run(x)[0]!.toArray();
    };
    expect(await seeded(1)).not.toEqual(await seeded(2));
    layer.eval();
    expect(await seeded(1)).toEqual(await seeded(2));
    const single = make({ dropout: 0.5 });
    expect(await single.run(x)[0]!.toArray()).toEqual(await single.run(x)[0]!.toArray());
  });

  test("keys are PyTorch's", () => {
    const { layer } = make({ numLayers: 2, bidirectional: true });
    expect(Object.entries(layer.stateDict()).map(([key, t]) => `${key} ${t.shape}`)).toEqual(
      ["l0", "l0_reverse", "l1", "l1_reverse"].flatMap((at) => {
        const gates = layer instanceof LSTM ? 12 : 9;
        const width = at.startsWith("l0") ? 2 : 6;
        return [
          `weight_ih_${at} ${gates},${width}`,
          `weight_hh_${at} ${gates},3`,
          `bias_ih_${at} ${gates}`,
          `bias_hh_${at} ${gates}`,
        ];
      }),
    );
  });

  test("a new length plans and compiles nothing", async () => {
    const device = createCpuDeviceSync();
    const { layer, run } = make({ dtype: "float32", device });
    const step = async (length: number): Promise<void> => {
      const x = randn([length, 3, 2], { device, generator });
      layer.zeroGrad();
      run(x, tensor(Int32Array.of(length, 1, length), { device }))[0]!
        .square()
        .mean()
        .backward();
      assignAll(
        layer.parameters().map((p) => [p, p.detach().sub(p.grad!.mul(0.1))]),
        "step",
      );
      await run(x)[0]!.mean().item();
    };
    await step(4);
    await step(5);
    const before = device.counters;
    await step(9);
    await step(3);
    const after = device.counters;
    expect([after.plansBuilt, after.kernelsCompiled]).toEqual([before.plansBuilt, before.kernelsCompiled]);
    device.dispose();
  });

  test.each([
    [
      "a width",
      (l: LSTM) => l.forward(random(3, 2, 5)),
      "shape",
      "the input has the wrong shape, got [3, 2, 5], expected [any, any, 2]",
    ],
    [
      "integers",
      (l: LSTM) => l.forward(zeros(3, 2, 2, { dtype: "int32" })),
      "dtype",
      "the input must be floating, got int32, expected float32 or float64",
    ],
    [
      "no steps",
      (l: LSTM) => l.forward(zeros([0, 2, 2])),
      "shape",
      "a sequence needs at least one step, got [0, 2, 2]",
    ],
    [
      "a length too long",
      (l: LSTM) => l.forward(random(3, 2, 2), undefined, { lengths: [1, 4] }),
      "argument",
      "lengths[1] must be an integer from 0 to 3, got 4",
    ],
    [
      "too few lengths",
      (l: LSTM) => l.forward(random(3, 2, 2), undefined, { lengths: [1] }),
      "shape",
      "lengths has the wrong shape, got [1], expected [2]",
    ],
    [
      "floating lengths",
      (l: LSTM) => l.forward(random(3, 2, 2), undefined, { lengths: random(2) }),
      "dtype",
      "lengths must be integers, got float64, expected int32",
    ],
  ])("%s", (_, fn, code, message) => {
    const { layer } = make();
    const error = caught(() => fn(layer as LSTM));
    expect([error.code, error.message]).toEqual([code, `${layer.constructor.name}: ${message}`]);
  });
});

test.each([
  [
    "a state alone",
    () => new LSTM(2, 3).forward(zeros(3, 2, 2), zeros(1, 2, 3) as never),
    "LSTM: the initial state must be [h, c], got Tensor(shape=[1, 2, 3], dtype=float32, device=cpu)",
  ],
  [
    "a state of another size",
    () => new GRU(2, 3).forward(zeros(3, 2, 2), zeros(1, 2, 4)),
    "GRU: initial state 1 has the wrong shape, got [1, 2, 4], expected [1, 2, 3]",
  ],
  ["no layers", () => new GRU(2, 3, { numLayers: 0 }), "GRU: numLayers must be a positive integer, got 0"],
  [
    "an unknown option",
    () => new LSTM(2, 3, { projSize: 2 } as never),
    "LSTM: unknown option, got projSize, expected one of numLayers, bias, batchFirst, dropout, bidirectional, dtype, device, generator",
  ],
  [
    "a misplaced option",
    () => new LSTM(2, 3).forward(zeros(3, 2, 2), undefined, { length: [1] } as never),
    "LSTM.forward: unknown option, got length, did you mean lengths?",
  ],
])("%s", (_, fn, message) => {
  expect(caught(fn).message).toBe(message);
});
