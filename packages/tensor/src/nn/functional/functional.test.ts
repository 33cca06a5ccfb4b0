// The functions of nn beyond the goldens: every form of input, edge cases, properties, errors.

import { describe, expect, test } from "vitest";
import { Generator, ones, randn, type Tensor, tensor, zeros } from "../../index.js";
import { caught } from "../testing/errors.js";
import * as f from "./index.js";

const generator = new Generator(2);
const random = (...shape: number[]): Tensor => randn(shape, { generator, dtype: "float64", requiresGrad: true });
const ids = (values: readonly number[], ...shape: number[]): Tensor =>
  tensor(Int32Array.from(values), { shape: shape.length > 0 ? shape : [values.length] });

async function close(actual: Tensor, expected: Tensor, digits = 10): Promise<void> {
  expect(actual.shape).toEqual(expected.shape);
  const [a, b] = [await actual.data(), await expected.data()];
  a.forEach((x, i) => expect(x).toBeCloseTo(b[i]!, digits));
}

describe("crossEntropy", () => {
  const target = ids([2, 0, 1, 2, 2, 1], 2, 3);
  test("[N, C, L] is [N·L, C], and [C] is one row", async () => {
    const logits = random(2, 4, 3);
    const flat = logits.permute(0, 2, 1).reshape(6, 4);
    for (const reduction of ["mean", "sum"] as const) {
      await close(
        f.crossEntropy(logits, target, { reduction }),
        f.crossEntropy(flat, target.reshape(6), { reduction }),
      );
    }
    const none = f.crossEntropy(logits, target, { reduction: "none" });
    await close(none, f.crossEntropy(flat, target.reshape(6), { reduction: "none" }).reshape(2, 3));
    const row = random(4);
    await close(f.crossEntropy(row, ids([1], ...[]).reshape([])), f.crossEntropy(row.unsqueeze(0), ids([1])));
  });

  test("is nllLoss of logSoftmax, weights and ignored targets included", async () => {
    const logits = random(5, 4);
    const options = { weight: tensor([0.2, 1, 3, 0.5], { dtype: "float64" }), ignoreIndex: 2 };
    const at = ids([0, 2, 3, 1, 1]);
    for (const reduction of ["mean", "sum", "none"] as const) {
      const own = f.crossEntropy(logits, at, { ...options, reduction });
      await close(own, f.nllLoss(logits.logSoftmax(-1), at, { ...options, reduction }));
    }
  });

  test("nothing that counts: 0, and no gradient", async () => {
    const logits = random(2, 3);
    for (const weight of [undefined, ones(3, { dtype: "float64" })]) {
      const loss = f.crossEntropy(logits, ids([-100, -100]), { weight });
      loss.backward();
      expect(await loss.item()).toBe(0);
      expect(await logits.grad!.abs().sum().item()).toBe(0);
      logits.grad = undefined;
    }
  });

  test("logits of ±10,000 and −∞ do not overflow", async () => {
    const far = Number.NEGATIVE_INFINITY;
    const logits = tensor(
      [
        [1e4, -1e4, 0],
        [0, far, far],
      ],
      { requiresGrad: true },
    );
    const loss = f.crossEntropy(logits, ids([0, 0]), { reduction: "sum" });
    loss.backward();
    expect(await loss.item()).toBe(0);
    expect(await logits.grad!.toArray()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  test.each([
    [
      "targets of another shape",
      () => f.crossEntropy(zeros(2, 3), ids([1, 2, 0])),
      "shape",
      "crossEntropy: the target has the wrong shape, got [3], expected [2]",
    ],
    [
      "probabilities",
      () => f.crossEntropy(zeros(2, 3), zeros(2, 3)),
      "unsupported",
      "crossEntropy: targets must be class ids, got probabilities (float32), expected int32; for probabilities sum target·logSoftmax",
    ],
    [
      "floating targets",
      () => f.crossEntropy(zeros(2, 3), zeros(2)),
      "dtype",
      'crossEntropy: ids must be integers, got float32, expected int32 (as x.to("int32") gives)',
    ],
    [
      "a class out of range",
      () => f.crossEntropy(zeros(2, 3), ids([0, 3])),
      "index",
      "crossEntropy: id is out of range, got 3 at position 1, expected [0, 2]",
    ],
    [
      "integer logits",
      () => f.crossEntropy(ids([1, 2], 1, 2), ids([0])),
      "dtype",
      "crossEntropy: the input must be floating, got int32, expected float32 or float64",
    ],
    [
      "weights of another length",
      () => f.crossEntropy(zeros(2, 3), ids([0, 1]), { weight: ones(2) }),
      "shape",
      "crossEntropy: the weight has the wrong shape, got [2], expected [3]",
    ],
    [
      "too much smoothing",
      () => f.crossEntropy(zeros(2, 3), ids([0, 1]), { labelSmoothing: 1.5 }),
      "argument",
      "crossEntropy: labelSmoothing must be a number from 0 to 1, got 1.5",
    ],
    [
      "an unknown reduction",
      () => f.nllLoss(zeros(2, 3), ids([0, 1]), { reduction: "avg" as "sum" }),
      "argument",
      'nllLoss: reduction must be "mean", "sum" or "none", got "avg"',
    ],
  ])("%s", (_, fn, code, message) => {
    expect(caught(fn)).toMatchObject({ code, message });
  });
});

describe("scaledDotProductAttention", () => {
  const [q, k, v] = [random(2, 3, 4), random(2, 5, 4), random(2, 5, 6)];
  const mask = tensor([
    [true, false, true, true, false],
    [true, true, true, false, false],
    [false, false, false, true, true],
  ]);

  test("a boolean mask is a floating one of 0 and −∞", async () => {
    const bias = mask.where(0, Number.NEGATIVE_INFINITY);
    await close(
      f.scaledDotProductAttention(q, k, v, { attnMask: mask }),
      f.scaledDotProductAttention(q, k, v, { attnMask: bias }),
    );
  });

  test("isCausal is a lower triangle, alone and beside a mask", async () => {
    const triangle = ones(3, 5, { dtype: "bool" }).tril();
    await close(
      f.scaledDotProductAttention(q, k, v, { isCausal: true }),
      f.scaledDotProductAttention(q, k, v, { attnMask: triangle }),
    );
    await close(
      f.scaledDotProductAttention(q, k, v, { isCausal: true, attnMask: mask }),
      f.scaledDotProductAttention(q, k, v, { attnMask: mask.logicalAnd(triangle) }),
    );
  });

  test("a mask that learns gets its gradient", async () => {
    const bias = random(3, 5);
    f.scaledDotProductAttention(q.detach(), k.detach(), v.detach(), { attnMask: bias }).square().sum().backward();
    const written = bias.detach().contiguous();
    written.requiresGrad = true;
    const scores = q.detach().matmul(k.detach().T).mul(0.5).add(written);
    scores.softmax(-1).matmul(v.detach()).square().sum().backward();
    await close(bias.grad!, written.grad!);
  });

  test("a query that may see nothing gives zeros and takes no gradient", async () => {
    const [a, b, c] = [random(1, 2, 4), random(1, 3, 4), random(1, 3, 2)];
    const none = tensor([
      [false, false, false],
      [true, true, false],
    ]);
    for (const attnMask of [none, none.where(0, Number.NEGATIVE_INFINITY)]) {
      const y = f.scaledDotProductAttention(a, b, c, { attnMask });
      y.square().sum().backward();
      expect(await y.select(1, 0).toArray()).toEqual([[0, 0]]);
      expect(await a.grad!.select(1, 0).toArray()).toEqual([[0, 0, 0, 0]]);
      expect(await b.grad!.select(1, 2).toArray()).toEqual([[0, 0, 0, 0]]);
      for (const t of [a, b, c]) {
        expect(await t.grad!.isnan().any().item()).toBe(0);
        t.grad = undefined;
      }
    }
  });

  test("dropout scales the weights that stay", async () => {
    const [wide, values] = [zeros(1, 8, 4), ones(1, 4000, 1)];
    const options = { dropoutP: 0.25, generator: new Generator(1) };
    const y = f.scaledDotProductAttention(wide, zeros(1, 4000, 4), values, options);
    for (const x of await y.data()) expect(Math.abs(x - 1)).toBeLessThan(0.05);
  });

  test.each([
    [
      "widths that differ",
      () => f.scaledDotProductAttention(q, random(2, 5, 3), v),
      "shape",
      "scaledDotProductAttention: query and key must be […, length, width] of one width, got [2, 3, 4] and [2, 5, 3]",
    ],
    [
      "a value missing",
      () => f.scaledDotProductAttention(q, k, random(2, 4, 6)),
      "shape",
      "scaledDotProductAttention: there must be one value for each key, got [2, 5, 4] and [2, 4, 6]",
    ],
    [
      "a mask of another size",
      () => f.scaledDotProductAttention(q, k, v, { attnMask: mask.T }),
      "shape",
      "scaledDotProductAttention: the mask does not broadcast to the scores [2, 3, 5], got [5, 3]",
    ],
    [
      "an integer mask",
      () => f.scaledDotProductAttention(q, k, v, { attnMask: mask.to("int32") }),
      "dtype",
      "scaledDotProductAttention: the mask has the wrong dtype, got int32, expected bool or floating; compare integers with 0 first",
    ],
    [
      "no scale",
      () => f.scaledDotProductAttention(q, k, v, { scale: Number.NaN }),
      "argument",
      "scaledDotProductAttention: scale must be a finite number, got NaN",
    ],
    [
      "no probability",
      () => f.scaledDotProductAttention(q, k, v, { dropoutP: 1.5 }),
      "argument",
      "dropout: p must be a number from 0 to 1, got 1.5",
    ],
  ])("%s", (_, fn, code, message) => {
    expect(caught(fn)).toMatchObject({ code, message });
  });
});

describe("the rest", () => {
  test("linear of a vector and of no rows", async () => {
    const [w, b] = [random(2, 3), random(2)];
    const x = random(3);
    await close(f.linear(x, w, b), f.linear(x.unsqueeze(0), w, b).squeeze(0));
    expect(f.linear(zeros([0, 3], { dtype: "float64" }), w, b).shape).toEqual([0, 2]);
  });

  test("gelu has two forms", async () => {
    const x = tensor([-1, 0.5], { dtype: "float64" });
    const [exact, tanh] = [await f.gelu(x).data(), await f.gelu(x, { approximate: "tanh" }).data()];
    expect(exact[0]).toBeCloseTo(-0.15865525393, 9);
    expect(tanh[0]).toBeCloseTo(-0.15880800939, 9);
    await close(f.leakyRelu(x), tensor([-0.01, 0.5], { dtype: "float64" }));
  });

  test("rmsNorm without weight and with the dtype's epsilon", async () => {
    const x = random(2, 5);
    const scale = x
      .square()
      .mean(-1, true)
      .add(2 ** -52)
      .rsqrt();
    await close(f.rmsNorm(x, 5), x.mul(scale));
  });

  test("layerNorm with a bias alone", async () => {
    const [x, bias] = [random(3, 4), random(4)];
    await close(f.layerNorm(x, 4, { bias }), f.layerNorm(x, [4]).add(bias));
  });

  test("cosineSimilarity and normalize, zero vectors included", async () => {
    const a = tensor([
      [3, 4],
      [0, 0],
    ]);
    const b = tensor([
      [4, 3],
      [1, 0],
    ]);
    await close(f.cosineSimilarity(a, b), tensor([0.96, 0]), 6);
    await close(
      f.normalize(a),
      tensor([
        [0.6, 0.8],
        [0, 0],
      ]),
      6,
    );
    await close(
      f.normalize(a, { p: 1, dim: 0 }),
      tensor([
        [1, 1],
        [0, 0],
      ]),
      6,
    );
    const x = zeros(1, 2, { requiresGrad: true });
    f.cosineSimilarity(x, b.slice(0, 0, 1))
      .sum()
      .backward();
    expect(await x.grad!.isnan().any().item()).toBe(0);
  });

  test("pad counts from the last axis on", async () => {
    const y = f.pad(ones(1, 2), [1, 0, 0, 2], { value: 9 });
    expect(await y.toArray()).toEqual([
      [9, 1, 1],
      [9, 9, 9],
      [9, 9, 9],
    ]);
  });

  test("oneHot", async () => {
    expect(await f.oneHot(ids([1, 0]), 3).toArray()).toEqual([
      [0, 1, 0],
      [1, 0, 0],
    ]);
  });

  test("dropout outside of training is nothing, with p = 1 everything", async () => {
    const x = random(3);
    expect(f.dropout(x, 0.5, { training: false })).toBe(x);
    expect(await f.dropout(x, 1).toArray()).toEqual([0, 0, 0]);
  });

  test.each([
    [
      "linear: sizes",
      () => f.linear(zeros(2, 4), zeros(5, 3)),
      "shape",
      "linear: the input has the wrong shape, got [2, 4], expected […, 3]",
    ],
    [
      "linear: bias",
      () => f.linear(zeros(2, 3), zeros(5, 3), zeros(3)),
      "shape",
      "linear: the bias has the wrong shape, got [3], expected [5]",
    ],
    [
      "linear: dtype",
      () => f.linear(ids([1, 2]), zeros(5, 2)),
      "dtype",
      "linear: the input must be floating, got int32, expected float32 or float64",
    ],
    [
      "linear: no tensor",
      () => f.linear([1] as unknown as Tensor, zeros(5, 2)),
      "argument",
      "linear: the input must be a tensor, got [1]",
    ],
    [
      "layerNorm",
      () => f.layerNorm(zeros(2, 3), [2]),
      "shape",
      "layerNorm: the input has the wrong shape, got [2, 3], expected […, 2]",
    ],
    [
      "layerNorm: weight",
      () => f.layerNorm(zeros(2, 3), [3], { weight: ones(2) }),
      "shape",
      "layerNorm: the weight has the wrong shape, got [2], expected [3]",
    ],
    [
      "embedding: id",
      () => f.embedding(ids([0, 4]), zeros(4, 2)),
      "index",
      "embedding: id is out of range, got 4 at position 1, expected [0, 3]",
    ],
    [
      "embedding: table",
      () => f.embedding(ids([0]), zeros(4)),
      "shape",
      "embedding: the weight has the wrong shape, got [4], expected [any, any]",
    ],
    [
      "embedding: padding",
      () => f.embedding(ids([0]), zeros(4, 2), { paddingIdx: 4 }),
      "argument",
      "embedding: paddingIdx must be an integer in [-4, 3], got 4",
    ],
    ["oneHot", () => f.oneHot(ids([0]), 0), "argument", "oneHot: numClasses must be a positive integer, got 0"],
    ["pad", () => f.pad(zeros(2), [1, 2, 3]), "argument", "pad: amounts must be two an axis, at most 2, got [1, 2, 3]"],
    [
      "gelu",
      () => f.gelu(zeros(2), { approximate: "erf" as "tanh" }),
      "argument",
      'gelu: approximate must be "none" or "tanh", got "erf"',
    ],
  ])("%s", (_, fn, code, message) => {
    expect(caught(fn)).toMatchObject({ code, message });
  });
});
