// Multi-head attention beyond the goldens: masks in all their forms, what padding and the future may not change, rows
// that see nothing, decoding step by step, errors.

import { describe, expect, test } from "vitest";
import { cat, Generator, ones, randn, type Tensor, tensor, zeros } from "../../index.js";
import { MultiheadAttention, type MultiheadAttentionOptions } from "../index.js";
import { caught } from "../testing/errors.js";

const generator = new Generator(9);
const random = (...shape: number[]): Tensor => randn(shape, { generator, requiresGrad: true });
const make = (options: MultiheadAttentionOptions = {}): MultiheadAttention => {
  const layer = new MultiheadAttention(8, 2, { batchFirst: true, generator, ...options });
  for (const p of layer.parameters()) if (p.ndim === 1) p.assign(randn(p.shape, { generator }));
  return layer;
};
const causal = (n: number): Tensor => ones(n, n, { dtype: "bool" }).triu(1);

async function expectClose(a: Tensor, b: Tensor, digits = 5): Promise<void> {
  expect(a.shape).toEqual(b.shape);
  const want = await b.data();
  (await a.data()).forEach((x, i) => expect(x).toBeCloseTo(want[i]!, digits));
}

describe("masks", () => {
  const x = random(2, 4, 8);
  const attn = make();
  const forward = (masks: Parameters<MultiheadAttention["forward"]>[3]) => attn.forward(x, x, x, masks)[0];
  const padding = tensor([
    [false, false, false, true],
    [false, true, false, true],
  ]);
  const additive = (mask: Tensor): Tensor => mask.where(Number.NEGATIVE_INFINITY, 0);

  test("isCausal is the causal mask, given or not", async () => {
    await expectClose(forward({ isCausal: true }), forward({ attnMask: causal(4) }));
    await expectClose(forward({ isCausal: true, attnMask: causal(4) }), forward({ attnMask: causal(4) }));
  });

  test("floating masks of −∞ are boolean ones, in every combination", async () => {
    const plain = forward({ attnMask: causal(4), keyPaddingMask: padding });
    await expectClose(forward({ attnMask: additive(causal(4)), keyPaddingMask: padding }), plain);
    await expectClose(forward({ attnMask: causal(4), keyPaddingMask: additive(padding) }), plain);
    await expectClose(forward({ attnMask: additive(causal(4)), keyPaddingMask: additive(padding) }), plain);
    await expectClose(forward({ isCausal: true, keyPaddingMask: padding }), plain);
  });

  test("one mask for all heads is the same mask for each", async () => {
    const each = causal(4).expand(4, 4, 4).contiguous();
    await expectClose(forward({ attnMask: each }), forward({ attnMask: causal(4) }));
  });

  test("length first is batch first with its axes swapped", async () => {
    const other = make({ batchFirst: false });
    other.loadStateDict(attn.stateDict());
    const [query, memory] = [random(2, 3, 8), random(2, 4, 8)];
    const [swappedQuery, swappedMemory] = [query.transpose(0, 1), memory.transpose(0, 1)];
    const [y, weights] = other.forward(swappedQuery, swappedMemory, swappedMemory, { keyPaddingMask: padding });
    const [expected, expectedWeights] = attn.forward(query, memory, memory, { keyPaddingMask: padding });
    await expectClose(y.transpose(0, 1), expected);
    await expectClose(weights!, expectedWeights!);
  });

  test("equal key and value cost one product, the result is that of three", async () => {
    const memory = random(2, 5, 8);
    await expectClose(attn.forward(x, memory, memory)[0], attn.forward(x, memory.mul(1), memory)[0]);
    await expectClose(attn.forward(x, x, x)[0], attn.forward(x.mul(1), x.mul(1), x)[0]);
  });

  test("weights: a head each or their mean, rows of sum 1, or none", async () => {
    const [, mean] = attn.forward(x, x, x, { keyPaddingMask: padding });
    const [, each] = attn.forward(x, x, x, { keyPaddingMask: padding, averageAttnWeights: false });
    expect([mean!.shape, each!.shape]).toEqual([
      [2, 4, 4],
      [2, 2, 4, 4],
    ]);
    await expectClose(each!.mean(1), mean!);
    await expectClose(mean!.sum(-1), ones(2, 4));
    expect(await mean!.select(2, 3).abs().sum().item()).toBe(0);
    expect(attn.forward(x, x, x, { needWeights: false })[1]).toBeUndefined();
  });
});

describe("what must not matter", () => {
  test("the future changes nothing before it, to the bit", async () => {
    const attn = make();
    const x = random(1, 7, 8);
    const before = await attn.forward(x, x, x, { isCausal: true })[0].data();
    for (const t of [1, 4, 6]) {
      const changed = cat([x.slice(1, 0, t), random(1, 7 - t, 8).mul(50)], 1);
      const after = await attn.forward(changed, changed, changed, { isCausal: true })[0].data();
      expect([...after.slice(0, t * 8)]).toEqual([...before.slice(0, t * 8)]);
      expect([...after.slice(t * 8)]).not.toEqual([...before.slice(t * 8)]);
    }
  });

  test("padding changes no real position, and takes no gradient", async () => {
    const attn = make();
    const x = random(2, 3, 8);
    const padded = cat([x.detach(), random(2, 4, 8).mul(100)], 1)
      .contiguous()
      .detach();
    padded.requiresGrad = true;
    const keyPaddingMask = tensor([0, 1].map(() => [false, false, false, true, true, true, true]));
    const y = attn.forward(padded, padded, padded, { keyPaddingMask })[0].slice(1, 0, 3);
    await expectClose(y, attn.forward(x, x, x)[0]);
    y.square().sum().backward();
    attn.forward(x, x, x)[0].square().sum().backward();
    await expectClose(padded.grad!.slice(1, 0, 3), x.grad!, 4);
    expect(await padded.grad!.slice(1, 3).abs().sum().item()).toBe(0);
  });
});

describe("a query that may see nothing", () => {
  const none = Number.NEGATIVE_INFINITY;
  const blind = tensor([
    [true, true, true],
    [false, true, true],
    [false, false, true],
  ]);
  const padding = tensor([
    [true, true, true],
    [false, false, true],
  ]);
  const leftPadding = tensor([
    [true, false, false],
    [false, false, false],
  ]);
  const forEachHead = cat([blind.unsqueeze(0), zeros(3, 3, 3, { dtype: "bool" })], 0);
  test.each([
    [
      "by padding",
      { keyPaddingMask: padding },
      [
        [0, 0],
        [0, 1],
        [0, 2],
      ],
    ],
    [
      "by a mask",
      { attnMask: blind },
      [
        [0, 0],
        [1, 0],
      ],
    ],
    [
      "by a floating mask",
      { attnMask: blind.where(none, 0) },
      [
        [0, 0],
        [1, 0],
      ],
    ],
    [
      "by both together",
      { attnMask: blind.flip(1), keyPaddingMask: leftPadding },
      [
        [0, 0],
        [1, 0],
      ],
    ],
    ["by padding before the first token", { isCausal: true, keyPaddingMask: leftPadding }, [[0, 0]]],
    ["in one head only: it still sees", { attnMask: forEachHead }, []],
  ] as const)("%s gives zeros and takes no gradient", async (_, masks, expected) => {
    for (const batchFirst of [true, false]) {
      const attn = make({ batchFirst });
      const x = batchFirst ? random(2, 3, 8) : random(3, 2, 8);
      const order = (t: Tensor): Tensor => (batchFirst ? t : t.transpose(0, 1));
      const y = order(attn.forward(x, x, x, masks)[0]);
      const blank = (await y.abs().sum(-1).toArray()) as number[][];
      const found = blank.flatMap((row, b) => row.flatMap((v, t) => (v === 0 ? [[b, t]] : [])));
      expect(found).toEqual(expected);
      for (const [b, t] of expected) {
        attn.zeroGrad();
        x.grad = undefined;
        order(attn.forward(x, x, x, masks)[0])
          .select(0, b)
          .select(0, t)
          .sum()
          .backward();
        for (const p of [x, ...attn.parameters()]) expect(await p.grad!.abs().sum().item()).toBe(0);
      }
    }
  });
});

test("decoding one position at a time, with kept keys and values, is attention over all", async () => {
  const attn = make();
  const x = random(2, 5, 8);
  const whole = attn.forward(x, x, x, { isCausal: true })[0];
  let [keys, values]: (Tensor | undefined)[] = [];
  for (let t = 0; t < 5; t++) {
    const step = x.slice(1, t, t + 1);
    const { query, key, value } = attn.project(step, step, step);
    keys = keys ? cat([keys, key], 2) : key;
    values = values ? cat([values, value], 2) : value;
    const [y] = attn.attend({ query, key: keys, value: values });
    await expectClose(y, whole.slice(1, t, t + 1));
  }
});

test("dropout acts on the weights in training only", async () => {
  const attn = make({ dropout: 0.5 });
  const x = random(1, 16, 8);
  const dropped = await attn.forward(x, x, x, { averageAttnWeights: false })[1]!.eq(0).to("float32").mean().item();
  expect(Math.abs(dropped - 0.5)).toBeLessThan(0.1);
  attn.eval();
  expect(await attn.forward(x, x, x)[1]!.eq(0).any().item()).toBe(0);
});

describe("errors", () => {
  const attn = make();
  const x = random(2, 4, 8);
  const call = (masks: object) => () => attn.forward(x, x, x, masks);
  test.each([
    [
      "heads that do not divide",
      () => new MultiheadAttention(8, 3),
      "argument",
      "MultiheadAttention: embedDim must be a multiple of numHeads 3, got 8",
    ],
    [
      "no heads",
      () => new MultiheadAttention(8, 0),
      "argument",
      "MultiheadAttention: numHeads must be a positive integer, got 0",
    ],
    [
      "an option PyTorch has and this has not",
      () => new MultiheadAttention(8, 2, { addBiasKv: true } as never),
      "argument",
      "MultiheadAttention: unknown option, got addBiasKv, expected one of dropout, bias, kdim, vdim, batchFirst, dtype, device, generator",
    ],
    [
      "another width",
      () => attn.forward(random(2, 4, 6), x, x),
      "shape",
      "MultiheadAttention: the query has the wrong shape, got [2, 4, 6], expected [any, any, 8]",
    ],
    [
      "another batch",
      () => attn.forward(x, random(3, 4, 8), random(3, 4, 8)),
      "shape",
      "MultiheadAttention: query, key and value must have one batch size, key and value one length, got [2, 4, 8] and [3, 4, 8] and [3, 4, 8]",
    ],
    [
      "integers",
      () => attn.forward(zeros(2, 4, 8, { dtype: "int32" }), x, x),
      "dtype",
      "MultiheadAttention: the query must be floating, got int32, expected float32 or float64",
    ],
    [
      "padding of another length",
      call({ keyPaddingMask: zeros(2, 3, { dtype: "bool" }) }),
      "shape",
      "MultiheadAttention: keyPaddingMask has the wrong shape, got [2, 3], expected [2, 4]",
    ],
    [
      "a mask of another size",
      call({ attnMask: causal(3) }),
      "shape",
      "MultiheadAttention: attnMask has the wrong shape, got [3, 3], expected [4, 4]",
    ],
    [
      "a mask for three heads",
      call({ attnMask: zeros(3, 4, 4, { dtype: "bool" }) }),
      "shape",
      "MultiheadAttention: attnMask has the wrong shape, got [3, 4, 4], expected [4, 4, 4]",
    ],
    [
      "an integer mask",
      call({ keyPaddingMask: ones(2, 4, { dtype: "int32" }) }),
      "dtype",
      "MultiheadAttention: keyPaddingMask must be bool or floating, got int32, expected bool: true is ignored",
    ],
    [
      "a misspelt mask",
      call({ keyPadding: zeros(2, 4, { dtype: "bool" }) }),
      "argument",
      "MultiheadAttention.forward: unknown option, got keyPadding, did you mean keyPaddingMask?",
    ],
  ])("%s", (_, fn, code, message) => {
    const error = caught(fn);
    expect([error.code, error.message]).toEqual([code, message]);
  });
});
