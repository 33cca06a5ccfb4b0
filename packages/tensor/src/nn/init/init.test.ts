// Initialisation: moments and bounds of what is drawn, reproducibility, and errors.

import { describe, expect, test } from "vitest";
import { Generator, manualSeed, type Tensor, zeros } from "../../index.js";
import { Embedding, GRU, init, LayerNorm, Linear, MultiheadAttention, type Parameter } from "../index.js";
import { caught } from "../testing/errors.js";
import { orthonormalColumns } from "./orthonormal.js";

async function statistics(t: Tensor) {
  const data = Array.from(await t.data());
  const mean = data.reduce((a, b) => a + b, 0) / data.length;
  const variance = data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length;
  return { mean, std: Math.sqrt(variance), low: Math.min(...data), high: Math.max(...data) };
}

// 40,000 draws: the mean's standard error is std/200, the deviation's std/283.
const [rows, columns] = [400, 100];

describe("random values", () => {
  const uniformStd = (bound: number): number => bound / Math.sqrt(3);
  const xavier = Math.sqrt(2 / (rows + columns));
  test.each([
    ["uniform", (t: Tensor) => init.uniform(t, -2, 4), 1, 6 / Math.sqrt(12), [-2, 4]],
    ["normal", (t: Tensor) => init.normal(t, 3, 0.5), 3, 0.5, undefined],
    ["xavierUniform", (t: Tensor) => init.xavierUniform(t), 0, xavier, [-Math.sqrt(3) * xavier, Math.sqrt(3) * xavier]],
    ["xavierNormal, gain 2", (t: Tensor) => init.xavierNormal(t, { gain: 2 }), 0, 2 * xavier, undefined],
    ["kaimingUniform", (t: Tensor) => init.kaimingUniform(t), 0, Math.sqrt(2 / columns), [-0.245, 0.245]],
    [
      "kaimingUniform, a = √5, is ±1/√in",
      (t: Tensor) => init.kaimingUniform(t, { a: Math.sqrt(5) }),
      0,
      uniformStd(0.1),
      [-0.1, 0.1],
    ],
    [
      "kaimingNormal, fanOut, relu",
      (t: Tensor) => init.kaimingNormal(t, { mode: "fanOut", nonlinearity: "relu" }),
      0,
      Math.sqrt(2 / rows),
      undefined,
    ],
    // The deviation of a standard normal within ±2 is 0.8796.
    ["truncNormal", (t: Tensor) => init.truncNormal(t), 0, 0.8796, [-2, 2]],
    [
      "truncNormal, shifted",
      (t: Tensor) => init.truncNormal(t, { mean: 1, std: 0.5, low: 0, high: 2 }),
      1,
      0.4398,
      [0, 2],
    ],
  ] as const)("%s", async (_, draw, mean, std, range) => {
    manualSeed(7);
    const t = zeros(rows, columns, { requiresGrad: true });
    expect(draw(t)).toBe(t);
    const found = await statistics(t);
    expect(Math.abs(found.mean - mean)).toBeLessThan(5 * (std / 200));
    expect(Math.abs(found.std - std)).toBeLessThan(5 * (std / 283));
    expect(t.isLeaf && t.requiresGrad).toBe(true);
    if (!range) return;
    expect(found.low).toBeGreaterThanOrEqual(range[0] - 1e-6);
    expect(found.high).toBeLessThanOrEqual(range[1] + 1e-6);
    expect(found.high - found.low).toBeGreaterThan(0.99 * (range[1] - range[0]));
  });

  test("a truncated normal is the conditional normal: its quantiles", async () => {
    const t = init.truncNormal(zeros(20_000), { low: -1, high: 2.5, generator: new Generator(3) });
    const data = Array.from(await t.data()).sort((a, b) => a - b);
    // Φ between the bounds, by the error function's series to the precision the sample has.
    const phi = (x: number): number => {
      let [sum, term] = [x, x];
      for (let k = 1; k < 60; k++) {
        term *= (-x * x) / (2 * k);
        sum += term / (2 * k + 1);
      }
      return 0.5 + sum / Math.sqrt(2 * Math.PI);
    };
    for (const x of [-0.5, 0, 0.7, 1.5]) {
      const share = data.filter((v) => v < x).length / data.length;
      const expected = (phi(x) - phi(-1)) / (phi(2.5) - phi(-1));
      expect(Math.abs(share - expected)).toBeLessThan(0.015);
    }
  });

  test("one generator gives one sequence, another seed another", async () => {
    const draw = (seed: number) => init.normal(zeros(8), 0, 1, { generator: new Generator(seed) }).toArray();
    expect(await draw(1)).toEqual(await draw(1));
    expect(await draw(1)).not.toEqual(await draw(2));
  });
});

test("constants", async () => {
  expect(await init.zeros(zeros(2).add(1)).toArray()).toEqual([0, 0]);
  expect(await init.ones(zeros(2)).toArray()).toEqual([1, 1]);
  expect(await init.constant(zeros(2, { dtype: "int32" }), 3).toArray()).toEqual([3, 3]);
});

describe("orthogonal", () => {
  test.each([
    [[6, 4], 1],
    [[4, 6], 2],
    [[3, 2, 4], 1],
  ] as const)("%s: rows or columns are orthogonal", async (shape, gain) => {
    const t = zeros(shape, { dtype: "float64" });
    await init.orthogonal(t, { gain, generator: new Generator(5) });
    const matrix = t.reshape(shape[0], -1);
    const small = matrix.shape[0]! < matrix.shape[1]! ? matrix : matrix.T;
    const product = (await small.matmul(small.T).toArray()) as number[][];
    product.forEach((row, i) => {
      row.forEach((v, j) => expect(v).toBeCloseTo(i === j ? gain ** 2 : 0, 10));
    });
  });

  test("linearly dependent vectors are noticed", () => {
    expect(orthonormalColumns(Float64Array.of(1, 2, 2, 4), 2, 2)).toBeUndefined();
  });
});

test("gains are PyTorch's", () => {
  expect(init.calculateGain("linear")).toBe(1);
  expect(init.calculateGain("tanh")).toBe(5 / 3);
  expect(init.calculateGain("relu")).toBe(Math.SQRT2);
  expect(init.calculateGain("leakyRelu", 0.2)).toBe(Math.sqrt(2 / 1.04));
});

describe("layers start as PyTorch's do", () => {
  const generator = new Generator(11);
  const within = async (p: Parameter | undefined, bound: number) => {
    const { low, high, std } = await statistics(p!);
    expect(Math.max(-low, high)).toBeLessThanOrEqual(bound + 1e-6);
    expect(Math.abs(std / (bound / Math.sqrt(3)) - 1)).toBeLessThan(0.1);
  };
  test("Linear: ±1/√in", async () => {
    const { weight, bias } = new Linear(64, 300, { generator });
    await within(weight, 1 / 8);
    await within(bias, 1 / 8);
  });
  test("attention: Xavier over the joined projection, biases zero", async () => {
    const attention = new MultiheadAttention(64, 4, { generator });
    await within(attention.inProjWeight, Math.sqrt(6 / (64 + 192)));
    await within(attention.outProj.weight, 1 / 8);
    for (const bias of [attention.inProjBias, attention.outProj.bias]) {
      expect(await statistics(bias!)).toMatchObject({ low: 0, high: 0 });
    }
    const apart = new MultiheadAttention(64, 4, { kdim: 32, vdim: 16, generator });
    await within(apart.kProjWeight, Math.sqrt(6 / (64 + 32)));
  });
  test("GRU: ±1/√hidden", async () => {
    const gru = new GRU(8, 100, { generator });
    for (const p of gru.parameters()) await within(p, 0.1);
  });
  test("Embedding: standard normal, the padding row zero", async () => {
    const { weight } = new Embedding(500, 64, { paddingIdx: 3, generator });
    const { mean, std } = await statistics(weight);
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(std - 1)).toBeLessThan(0.03);
    expect(await weight.select(0, 3).abs().sum().item()).toBe(0);
  });
  test("LayerNorm: ones and zeros", async () => {
    const { weight, bias } = new LayerNorm([2, 2]);
    expect(await weight!.toArray()).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(await statistics(bias!)).toMatchObject({ low: 0, high: 0 });
  });
  test("one seed, one model", async () => {
    const make = () => new Linear(3, 2, { generator: new Generator(1) }).weight.toArray();
    expect(await make()).toEqual(await make());
  });
});

describe("errors", () => {
  const t = zeros(2, 2);
  test.each([
    [
      "a vector",
      () => init.xavierUniform(zeros(3)),
      "shape",
      "init.xavierUniform: the tensor needs at least two axes, got [3]",
    ],
    [
      "integers",
      () => init.normal(zeros(3, { dtype: "int32" })),
      "dtype",
      "init.normal: the tensor must be floating, got int32, expected float32 or float64",
    ],
    [
      "bounds that cross",
      () => init.uniform(t, 1, 0),
      "argument",
      'init.uniform: bounds must be low, then high, got "1, 0"',
    ],
    ["a negative deviation", () => init.normal(t, 0, -1), "argument", "init.normal: std must be at least 0, got -1"],
    [
      "an unknown mode",
      () => init.kaimingNormal(t, { mode: "both" as "fanIn" }),
      "argument",
      'init.kaimingNormal: mode must be "fanIn" or "fanOut", got "both"',
    ],
    [
      "an unknown activation",
      () => init.calculateGain("swish" as "relu"),
      "argument",
      'init.calculateGain: nonlinearity must be linear, sigmoid, tanh, relu, leakyRelu, selu, got "swish"',
    ],
    [
      "no room",
      () => init.truncNormal(t, { low: 1, high: 1 }),
      "argument",
      'init.truncNormal: bounds must be low below high, got "1, 1"',
    ],
    [
      "a result",
      () => init.zeros(zeros(2, { requiresGrad: true }).mul(2)),
      "state",
      "assign: only a leaf can be overwritten",
    ],
  ])("%s", (_, fn, code, message) => {
    expect(caught(fn)).toMatchObject({ code, message });
  });
  test("orthogonal of a vector", async () => {
    await expect(init.orthogonal(zeros(3))).rejects.toMatchObject({ code: "shape" });
  });
});
