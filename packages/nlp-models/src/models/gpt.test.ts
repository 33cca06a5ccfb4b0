// GPTModel: sizes, causality to the bit, masks, options, state, errors.

import { Generator, noGrad, tensor, zeros } from "@torchium/tensor";
import { functional as F } from "@torchium/tensor/nn";
import { describe, expect, it } from "vitest";
import { errorLike } from "../test-helpers.js";
import { GPTModel, type GPTOptions } from "./gpt.js";
import { gptPresets } from "./gpt-presets.js";
import {
  expectGradientAlongDirection,
  expectGradientsEverywhere,
  expectSameBits,
  expectStateRoundTrip,
  idsOf,
  largestDifference,
  randomIds,
  valuesOf,
  weightedSum,
} from "./test-models.js";

const tiny = { vocabSize: 19, dModel: 16, nhead: 4, numLayers: 2, maxLen: 12, dropout: 0 } satisfies GPTOptions;
const make = (options: GPTOptions = {}, seed = 5): GPTModel =>
  new GPTModel({ ...tiny, ...options, generator: new Generator(seed) });

const kinds: [string, GPTOptions][] = [
  ["as it comes", {}],
  ["norms after", { normFirst: false }],
  ["without biases", { bias: false }],
  ["untied", { tieWeights: false }],
  ["scaled embedding, relu", { scaleEmbedding: true, activation: "relu" }],
  ["GPT-2's GELU", { activation: "geluTanh" }],
];

describe("GPTModel", () => {
  it("has GPT-2's number of parameters at its sizes", () => {
    // 124,439,808 is GPT-2's own; a block of width d holds 12d² + 13d, counted here on a small width.
    const { vocabSize, dModel: d, numLayers, maxLen } = tiny;
    const parameters = make().parameters();
    const total = parameters.reduce((sum, { numel }) => sum + numel, 0);
    expect(total).toBe(vocabSize * d + maxLen * d + numLayers * (12 * d * d + 13 * d) + 2 * d);
    expect(50257 * 768 + 1024 * 768 + 12 * (12 * 768 * 768 + 13 * 768) + 2 * 768).toBe(124439808);
    expect(gptPresets.gpt2).toMatchObject({ vocabSize: 50257, dModel: 768, nhead: 12, numLayers: 12, maxLen: 1024 });
  });

  it("starts with GPT-2's deviations", async () => {
    const model = new GPTModel({ ...tiny, vocabSize: 300, dModel: 64, maxLen: 100, generator: new Generator(1) });
    const deviation = async (key: string): Promise<number> => model.stateDict()[key]!.std().item();
    expect(await deviation("token_embedding.weight")).toBeCloseTo(0.02, 3);
    expect(await deviation("position_embedding.weight")).toBeCloseTo(0.02, 3);
    expect(await deviation("blocks.1.qkv.weight")).toBeCloseTo(0.02, 3);
    expect(await deviation("blocks.1.feed_forward.weight")).toBeCloseTo(0.02, 3);
    expect(await deviation("blocks.0.attention_projection.weight")).toBeCloseTo(0.01, 3);
    expect(await deviation("blocks.0.feed_forward_projection.weight")).toBeCloseTo(0.01, 3);
    expect(await deviation("blocks.0.qkv.bias")).toBe(0);
  });

  it("starts near the uniform loss", async () => {
    const logits = make().forward(randomIds(19, [4, 12]));
    const loss = F.crossEntropy(logits.reshape(-1, 19), randomIds(19, [48], 2));
    expect(await loss.item()).toBeCloseTo(Math.log(19), 1);
  });

  it.each(kinds)("is causal to the bit: %s", async (_, options) => {
    const model = make(options);
    const ids = [3, 1, 4, 1, 5, 9, 2, 6];
    const before = model.forward(idsOf([ids]));
    for (let t = 1; t < ids.length; t++) {
      const changed = model.forward(idsOf([ids.map((id, i) => (i === t ? 18 : id))]));
      await expectSameBits(changed.slice(1, 0, t), before.slice(1, 0, t));
      expect(await largestDifference(changed.slice(1, t), before.slice(1, t))).toBeGreaterThan(0);
    }
  });

  it.each(kinds)("sends a gradient to every parameter: %s", async (_, options) => {
    const model = make({ ...options, dropout: 0.1 });
    const logits = model.forward(randomIds(19, [3, 12]));
    expect(logits.shape).toEqual([3, 12, 19]);
    await expectGradientsEverywhere(model, F.crossEntropy(logits.reshape(-1, 19), randomIds(19, [36], 2)));
  });

  it.each(kinds)("has the gradient that central differences give: %s", async (_, options) => {
    const given = { ...tiny, ...options, generator: new Generator(5), dtype: "float64" } as const;
    const model = new GPTModel(options.activation === "relu" ? { ...given, activation: "silu" } : given);
    await expectGradientAlongDirection(model, () => weightedSum(model.forward(randomIds(19, [2, 5]))));
  });

  it.each(kinds)("gives its state back: %s", async (_, options) => {
    await expectStateRoundTrip(make(options), make(options, 6), (model) => model.forward(randomIds(19, [2, 7])));
  });

  it("names its state", () => {
    expect(Object.keys(make({ numLayers: 1, tieWeights: false }).stateDict())).toEqual([
      "token_embedding.weight",
      "position_embedding.weight",
      "blocks.0.attention_norm.weight",
      "blocks.0.attention_norm.bias",
      "blocks.0.qkv.weight",
      "blocks.0.qkv.bias",
      "blocks.0.attention_projection.weight",
      "blocks.0.attention_projection.bias",
      "blocks.0.feed_forward_norm.weight",
      "blocks.0.feed_forward_norm.bias",
      "blocks.0.feed_forward.weight",
      "blocks.0.feed_forward.bias",
      "blocks.0.feed_forward_projection.weight",
      "blocks.0.feed_forward_projection.bias",
      "final_norm.weight",
      "final_norm.bias",
      "head.weight",
    ]);
    expect(Object.keys(make({ bias: false }).stateDict()).filter((key) => key.endsWith("bias"))).toEqual([]);
  });

  it("draws dropout in training alone", async () => {
    const model = make({ dropout: 0.5 });
    const ids = randomIds(19, [2, 6]);
    expect(await largestDifference(model.forward(ids), model.forward(ids))).toBeGreaterThan(0);
    model.eval();
    await expectSameBits(model.forward(ids), model.forward(ids));
  });
});

describe("GPTModel with padding", () => {
  const model = make();
  const real = [[3, 1, 4, 1]];

  it.each([
    ["integers", (mask: number[][]) => idsOf(mask)],
    ["booleans", (mask: number[][]) => tensor(mask.map((row) => row.map(Boolean)))],
  ])("gives real tokens the same logits whatever pads them: %s", async (_, maskOf) => {
    const alone = model.forward(idsOf(real));
    const padded = model.forward(idsOf([[...real[0]!, 7, 8]]), maskOf([[1, 1, 1, 1, 0, 0]]));
    expect(await largestDifference(padded.slice(1, 0, 4), alone)).toBeLessThan(1e-5);
  });

  it("does not see padding that comes first", async () => {
    const mask = idsOf([[0, 0, 1, 1]]);
    const one = model.forward(idsOf([[5, 6, 4, 1]]), mask);
    const other = model.forward(idsOf([[8, 9, 4, 1]]), mask);
    await expectSameBits(one.slice(1, 2), other.slice(1, 2));
  });

  it("gives zeros and no gradient for a row of padding", async () => {
    const fresh = make();
    const logits = fresh.forward(
      idsOf([real[0]!, [7, 8, 9, 10]]),
      idsOf([
        [1, 1, 1, 0],
        [0, 0, 0, 0],
      ]),
    );
    expect(await valuesOf(logits.select(0, 1))).toEqual(new Array(4 * 19).fill(0));
    logits.select(0, 1).sum().backward();
    const gradients = fresh.parameters().flatMap(({ grad }) => (grad ? [grad] : []));
    for (const grad of gradients) expect((await valuesOf(grad)).every((x) => x === 0)).toBe(true);
  });
});

describe("GPTModel's errors", () => {
  const model = make();
  const ids = randomIds(19, [2, 6]);

  it.each([
    [
      "too long",
      () => model.forward(randomIds(19, [1, 13])),
      "shape",
      "inputIds is too long, got 13 tokens, expected at most 12 (maxLen)",
    ],
    [
      "no batch",
      () => model.forward(randomIds(19, [6])),
      "shape",
      "inputIds has the wrong shape, got [6], expected [batch, length]",
    ],
    ["no tokens", () => model.forward(zeros(2, 0, { dtype: "int32" })), "shape", "got [2, 0]"],
    ["fractions", () => model.forward(zeros(1, 3)), "dtype", "inputIds must be a tensor of integers, got float32"],
    ["an id too large", () => model.forward(idsOf([[1, 19]])), "index", "id is out of range, got 19 at position 1"],
    ["an id below 0", () => model.forward(idsOf([[-1]])), "index", "got -1"],
    [
      "a mask of another shape",
      () => model.forward(ids, randomIds(2, [2, 5])),
      "shape",
      "attentionMask has the wrong shape, got [2, 5], expected [2, 6]",
    ],
    [
      "a mask of fractions",
      () => model.forward(ids, zeros(2, 6)),
      "dtype",
      "attentionMask must be integers or booleans",
    ],
    [
      "heads that do not fit",
      () => make({ nhead: 3 }),
      "argument",
      "GPTModel: dModel must be a multiple of nhead (3), got 16",
    ],
    ["no layers", () => make({ numLayers: 0 }), "argument", "GPTModel: numLayers must be a positive integer, got 0"],
    [
      "dropout of everything",
      () => make({ dropout: 1 }),
      "argument",
      "dropout must be a finite number from 0 to below 1, got 1",
    ],
    ["an unknown activation", () => make({ activation: "elu" as "relu" }), "argument", 'activation must be "relu" or'],
    ["an unknown option", () => make({ heads: 3 } as GPTOptions), "argument", "GPTModel: unknown option, got heads"],
  ])("%s", (_, call, code, message) => {
    expect(() => noGrad(() => call())).toThrow(errorLike(code, message));
  });
});
