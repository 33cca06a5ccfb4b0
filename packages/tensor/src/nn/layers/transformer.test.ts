// Transformer stacks beyond the goldens: defaults, copies, what padding and the future may not change, training, errors.

import { describe, expect, test } from "vitest";
import { createCpuDeviceSync } from "../../cpu/device.js";
import { assignAll, cat, Generator, manualSeed, ones, randn, type Tensor, tensor, zeros } from "../../index.js";
import {
  LayerNorm,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from "../index.js";
import { caught } from "../testing/errors.js";

const generator = new Generator(21);
const random = (...shape: number[]): Tensor => randn(shape, { generator, requiresGrad: true });
const small = { dimFeedforward: 16, dropout: 0, batchFirst: true } as const satisfies TransformerLayerOptions;
const encoder = (options: TransformerLayerOptions = {}): TransformerEncoder =>
  new TransformerEncoder(() => new TransformerEncoderLayer(8, 2, { ...small, ...options }), 2);
const decoder = (options: TransformerLayerOptions = {}): TransformerDecoder =>
  new TransformerDecoder(() => new TransformerDecoderLayer(8, 2, { ...small, ...options }), 2);

async function expectClose(a: Tensor, b: Tensor, digits = 4): Promise<void> {
  expect(a.shape).toEqual(b.shape);
  const want = await b.data();
  (await a.data()).forEach((x, i) => expect(x).toBeCloseTo(want[i]!, digits));
}

describe("construction", () => {
  test("defaults are PyTorch's", () => {
    const layer = new TransformerEncoderLayer(8, 2);
    expect(layer.options).toEqual({
      dimFeedforward: 2048,
      dropout: 0.1,
      activation: "relu",
      layerNormEps: 1e-5,
      batchFirst: false,
      normFirst: false,
      bias: true,
    });
    expect([layer.selfAttn.dropout, layer.dropout1.p, layer.norm1.eps]).toEqual([0.1, 0.1, 1e-5]);
  });

  test("bias: false leaves no bias anywhere", () => {
    for (const layer of [
      new TransformerEncoderLayer(8, 2, { ...small, bias: false }),
      new TransformerDecoderLayer(8, 2, { ...small, bias: false }),
    ]) {
      expect(Object.keys(layer.stateDict()).filter((key) => key.includes("bias"))).toEqual([]);
    }
  });

  test("a layer given is copied, mode and options included; a function makes fresh ones", async () => {
    for (const [layer, make] of [
      [new TransformerEncoderLayer(8, 2, small), (l: TransformerEncoderLayer) => new TransformerEncoder(l, 2)],
      [new TransformerDecoderLayer(8, 2, small), (l: TransformerDecoderLayer) => new TransformerDecoder(l, 2)],
    ] as const) {
      const stack = make(layer.eval() as never);
      const [a, b] = [...stack.layers] as TransformerEncoderLayer[];
      expect([a === (layer as unknown), a === b, a!.training, a!.options]).toEqual([
        false,
        false,
        false,
        layer.options,
      ]);
      for (const [key, value] of Object.entries(layer.stateDict())) {
        expect(await a!.stateDict()[key]!.toArray()).toEqual(await value.toArray());
        expect(await b!.stateDict()[key]!.toArray()).toEqual(await value.toArray());
      }
    }
    const [a, b] = [...encoder().layers] as TransformerEncoderLayer[];
    expect(await a!.linear1.weight.toArray()).not.toEqual(await b!.linear1.weight.toArray());
  });

  test("an activation may be a function, and takes part", async () => {
    const layer = new TransformerEncoderLayer(8, 2, { ...small, activation: (x) => x.mul(0) });
    const other = new TransformerEncoderLayer(8, 2, small);
    other.loadStateDict(layer.stateDict());
    const x = random(1, 3, 8);
    expect(await layer.forward(x).toArray()).not.toEqual(await other.forward(x).toArray());
  });
});

describe("what must not matter", () => {
  test.each([false, true])("the future, to the bit (normFirst %s)", async (normFirst) => {
    const [enc, dec] = [encoder({ normFirst }), decoder({ normFirst })];
    const [x, memory] = [random(1, 6, 8), random(1, 3, 8)];
    for (const run of [
      (y: Tensor) => enc.forward(y, { isCausal: true }),
      (y: Tensor) => enc.forward(y, { mask: ones(6, 6, { dtype: "bool" }).triu(1) }),
      (y: Tensor) => dec.forward(y, memory, { tgtIsCausal: true }),
    ]) {
      const before = await run(x).data();
      for (const t of [1, 3, 5]) {
        const after = await run(cat([x.slice(1, 0, t), random(1, 6 - t, 8)], 1)).data();
        expect([...after.slice(0, t * 8)]).toEqual([...before.slice(0, t * 8)]);
        expect(after[t * 8]).not.toBe(before[t * 8]);
      }
    }
  });

  test("padding of source, target and memory", async () => {
    const [enc, dec] = [encoder(), decoder({ normFirst: true })];
    const [src, tgt] = [random(2, 3, 8), random(2, 4, 8)];
    const longer = (x: Tensor): Tensor => cat([x, random(2, 2, 8).mul(30)], 1);
    const mask = (n: number): Tensor => tensor([0, 1].map(() => [...Array(n).fill(false), true, true]));
    const memory = enc.forward(src);
    const paddedMemory = enc.forward(longer(src), { srcKeyPaddingMask: mask(3) });
    await expectClose(paddedMemory.slice(1, 0, 3), memory);
    const y = dec.forward(tgt, memory, { tgtIsCausal: true });
    const masks = { tgtIsCausal: true, tgtKeyPaddingMask: mask(4), memoryKeyPaddingMask: mask(3) };
    await expectClose(dec.forward(longer(tgt), paddedMemory, masks).slice(1, 0, 4), y);
  });

  test("a sequence that is all padding stays finite, and so do all gradients", async () => {
    const model = encoder();
    const x = random(2, 3, 8);
    const srcKeyPaddingMask = tensor([
      [true, true, true],
      [false, false, true],
    ]);
    model.forward(x, { srcKeyPaddingMask }).square().sum().backward();
    for (const t of [x, ...model.parameters()]) expect(Number.isFinite(await t.grad!.sum().item())).toBe(true);
  });

  test("length first", async () => {
    const [enc, dec] = [encoder(), decoder()];
    const [encFirst, decFirst] = [encoder({ batchFirst: false }), decoder({ batchFirst: false })];
    encFirst.loadStateDict(enc.stateDict());
    decFirst.loadStateDict(dec.stateDict());
    const [x, memory] = [random(2, 3, 8), random(2, 4, 8)];
    const swap = (t: Tensor): Tensor => t.transpose(0, 1);
    await expectClose(swap(encFirst.forward(swap(x))), enc.forward(x));
    await expectClose(swap(decFirst.forward(swap(x), swap(memory))), dec.forward(x, memory));
  });

  test("no batch", async () => {
    const [enc, dec] = [encoder({ batchFirst: false }), decoder()];
    const [x, memory] = [random(3, 8), random(4, 8)];
    await expectClose(enc.forward(x, { isCausal: true }), enc.forward(x.unsqueeze(1), { isCausal: true }).squeeze(1));
    await expectClose(dec.forward(x, memory), dec.forward(x.unsqueeze(0), memory.unsqueeze(0)).squeeze(0));
  });
});

test("dropout is active in training, each seed with its own pattern, and silent in evaluation", async () => {
  const model = encoder({ dropout: 0.3 });
  const x = random(2, 3, 8);
  const run = (seed: number) => {
    manualSeed(seed);
    return model.forward(x).toArray();
  };
  expect(await run(1)).toEqual(await run(1));
  expect(await run(1)).not.toEqual(await run(2));
  model.eval();
  expect(await run(1)).toEqual(await run(2));
});

test("a small stack learns: the loss falls tenfold", async () => {
  const model = encoder();
  const [x, target] = [random(4, 3, 8).detach(), random(4, 3, 8).detach()];
  const loss = (): Tensor =>
    model
      .forward(x)
      .sub(target.sub(target.mean(-1, true)).div(target.std(-1, true)))
      .square()
      .mean();
  const first = await loss().item();
  for (let step = 0; step < 250; step++) {
    model.zeroGrad();
    loss().backward();
    assignAll(
      model.parameters().map((p) => [p, p.detach().sub(p.grad!.mul(0.15))]),
      "step",
    );
  }
  expect(await loss().item()).toBeLessThan(first / 10);
});

test("a new batch size or length plans and compiles nothing, and memory stays flat", async () => {
  const device = createCpuDeviceSync();
  const model = new TransformerEncoder(() => new TransformerEncoderLayer(8, 2, { ...small, dropout: 0.1, device }), 1);
  const step = async (batch: number, length: number): Promise<void> => {
    const mask = zeros([batch, length], { dtype: "bool", device });
    const y = model.forward(randn([batch, length, 8], { device }), { isCausal: true, srcKeyPaddingMask: mask });
    model.zeroGrad();
    const loss = y.square().mean();
    loss.backward();
    assignAll(
      model.parameters().map((p) => [p, p.detach().sub(p.grad!.mul(0.1))]),
      "step",
    );
    await loss.item();
  };
  await step(2, 3);
  await step(3, 5);
  const before = { ...device.counters, live: device.memory().liveBytes };
  for (const [batch, length] of [
    [4, 7],
    [2, 9],
    [5, 3],
  ] as const) {
    await step(batch, length);
  }
  const after = { ...device.counters, live: device.memory().liveBytes };
  expect([after.plansBuilt, after.kernelsCompiled]).toEqual([before.plansBuilt, before.kernelsCompiled]);
  expect(after.live).toBeLessThanOrEqual(before.live + 4096);
  device.dispose();
});

describe("errors", () => {
  const [enc, dec, x] = [encoder(), decoder(), random(1, 2, 8)];
  test.each([
    [
      "a width",
      () => enc.forward(random(1, 2, 6)),
      "shape",
      "TransformerEncoderLayer: src has the wrong shape, got [1, 2, 6], expected […, any, 8]",
    ],
    [
      "a memory's width",
      () => dec.forward(x, random(1, 2, 6)),
      "shape",
      "TransformerDecoderLayer: memory has the wrong shape, got [1, 2, 6], expected […, any, 8]",
    ],
    [
      "a memory's batch",
      () => dec.forward(x, random(2, 2, 8)),
      "shape",
      "MultiheadAttention: query, key and value must have one batch size, key and value one length, got [1, 2, 8] and [2, 2, 8] and [2, 2, 8]",
    ],
    [
      "a mask's name",
      () => enc.forward(x, { srcMask: x } as never),
      "argument",
      "TransformerEncoder.forward: unknown option, got srcMask, expected one of mask, srcKeyPaddingMask, isCausal",
    ],
    [
      "an activation",
      () => new TransformerEncoderLayer(8, 2, { activation: "swish" as never }),
      "argument",
      'TransformerEncoderLayer: activation must be "relu", "gelu" or a function, got "swish"',
    ],
    [
      "a probability",
      () => new TransformerDecoderLayer(8, 2, { dropout: -0.1 }),
      "argument",
      "TransformerDecoderLayer: dropout must be a number from 0 to 1, got -0.1",
    ],
    [
      "an option",
      () => new TransformerEncoderLayer(8, 2, { dimFeedForward: 4 } as never),
      "argument",
      "TransformerEncoderLayer: unknown option, got dimFeedForward, did you mean dimFeedforward?",
    ],
    [
      "no layers",
      () => new TransformerEncoder(new TransformerEncoderLayer(8, 2, small), 0),
      "argument",
      "TransformerEncoder: numLayers must be a positive integer, got 0",
    ],
    [
      "no layer",
      () => new TransformerDecoder(new LayerNorm(8) as never, 1),
      "argument",
      "TransformerDecoder: the layer must be a transformer layer, or a function that makes one, got LayerNorm(weight=[8], bias=[8])",
    ],
  ])("%s", (_, fn, code, message) => {
    const error = caught(fn);
    expect([error.code, error.message]).toEqual([code, message]);
  });
});
