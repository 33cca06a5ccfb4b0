// What each model has of its own: its page's default sizes, causality, the masks of two sequences, word vectors.

import { Generator, type Tensor, tensor } from "@torchium/tensor";
import type { Module, TransformerEncoder, TransformerEncoderLayer } from "@torchium/tensor/nn";
import { describe, expect, it } from "vitest";
import { errorLike } from "../test-helpers.js";
import { BERTClassifier } from "./bert-classifier.js";
import { GloVeModel } from "./glove.js";
import { GPTModel } from "./gpt.js";
import { MultiTaskNLPModel } from "./multi-task.js";
import { NERModel } from "./ner.js";
import { Seq2SeqModel } from "./seq2seq.js";
import { expectSameBits, idsOf, largestDifference, randomIds, valuesOf } from "./test-models.js";
import { TransformerModel } from "./transformer.js";
import { Word2VecModel } from "./word2vec.js";

const generator = (): Generator => new Generator(1);
const shapes = (model: Module): Record<string, readonly number[]> =>
  Object.fromEntries(Object.entries(model.stateDict()).map(([key, { shape }]) => [key, shape]));
const heads = (encoder: TransformerEncoder): number => (encoder.layers.at(0) as TransformerEncoderLayer).nhead;

// Defaults are looked at one side at a time: narrow and deep, then wide and shallow. All of a model would be gigabytes.
const narrow = { dModel: 4, nhead: 2, dimFeedforward: 4 } as const;
const shallow = { numLayers: 1, maxLen: 4, dimFeedforward: 4 } as const;

describe("default sizes", () => {
  it("TransformerModel", () => {
    const deep = new TransformerModel(narrow);
    expect(shapes(deep)).toMatchObject({
      "embedding.tokens.weight": [50000, 4],
      "embedding.positions.weight": [1000, 4],
    });
    expect(deep.encoder.layers).toHaveLength(6);
    const wide = new TransformerModel({ vocabSize: 5, ...shallow });
    expect(shapes(wide)).toMatchObject({ "output.weight": [5, 512], "output.bias": [5] });
    expect(heads(wide.encoder)).toBe(8);
  });

  it("Seq2SeqModel", () => {
    const deep = new Seq2SeqModel(narrow);
    expect(shapes(deep)).toMatchObject({
      "source_embedding.tokens.weight": [30000, 4],
      "source_embedding.positions.weight": [1000, 4],
      "target_embedding.tokens.weight": [30000, 4],
      "target_embedding.positions.weight": [1000, 4],
      "output.weight": [30000, 4],
    });
    expect([deep.encoder.layers.length, deep.decoder.layers.length]).toEqual([6, 6]);
    const wide = new Seq2SeqModel({ inputVocabSize: 5, outputVocabSize: 6, ...shallow });
    expect(shapes(wide)).toMatchObject({ "output.weight": [6, 512] });
    expect(heads(wide.encoder)).toBe(8);
  });

  it("BERTClassifier", () => {
    const deep = new BERTClassifier(narrow);
    expect(shapes(deep)).toMatchObject({
      "bert.embedding.tokens.weight": [30000, 4],
      "bert.embedding.positions.weight": [512, 4],
      "bert.embedding.segments.weight": [2, 4],
      "bert.embedding.norm.weight": [4],
    });
    expect(deep.bert.encoder.layers).toHaveLength(12);
    const wide = new BERTClassifier({ vocabSize: 5, ...shallow });
    expect(shapes(wide)).toMatchObject({ "head.0.weight": [768, 768], "head.3.weight": [2, 768] });
    expect(heads(wide.bert.encoder)).toBe(12);
  });

  it("MultiTaskNLPModel", () => {
    const deep = new MultiTaskNLPModel(narrow);
    expect(shapes(deep)).toMatchObject({
      "embedding.tokens.weight": [30000, 4],
      "embedding.positions.weight": [1000, 4],
      "heads.classification.weight": [2, 4],
      "heads.ner.weight": [9, 4],
      "heads.qa.weight": [2, 4],
    });
    expect(deep.encoder.layers).toHaveLength(6);
    const wide = new MultiTaskNLPModel({ vocabSize: 5, ...shallow });
    expect(shapes(wide)).toMatchObject({ "embedding.tokens.weight": [5, 512] });
    expect(heads(wide.encoder)).toBe(8);
  });

  it("GPTModel", () => {
    const deep = new GPTModel({ dModel: 4, nhead: 2 });
    expect(shapes(deep)).toMatchObject({
      "token_embedding.weight": [50000, 4],
      "position_embedding.weight": [1024, 4],
    });
    expect(deep.blocks).toHaveLength(12);
    const wide = new GPTModel({ vocabSize: 5, numLayers: 1, maxLen: 4 });
    expect(shapes(wide)).toMatchObject({
      "blocks.0.qkv.weight": [2304, 768],
      "blocks.0.feed_forward.weight": [3072, 768],
    });
  });

  it("NERModel", () => {
    expect(shapes(new NERModel({ embeddingDim: 2, hiddenDim: 3 }))).toMatchObject({
      "words.weight": [30000, 2],
      "output.weight": [9, 6],
    });
    expect(shapes(new NERModel({ vocabSize: 5 }))).toMatchObject({
      "lstm.weight_ih_l0": [1024, 128],
      "lstm.weight_hh_l0_reverse": [1024, 256],
      "output.weight": [9, 512],
    });
  });

  it("Word2VecModel and GloVeModel", () => {
    expect(shapes(new Word2VecModel({ embeddingDim: 2 }))).toEqual({
      "targets.weight": [100000, 2],
      "contexts.weight": [100000, 2],
    });
    expect(shapes(new Word2VecModel({ vocabSize: 5 }))["targets.weight"]).toEqual([5, 300]);
    expect(shapes(new GloVeModel({ embeddingDim: 2 }))).toEqual({
      "targets.weight": [100000, 2],
      "contexts.weight": [100000, 2],
      "target_biases.weight": [100000, 1],
      "context_biases.weight": [100000, 1],
    });
    expect(shapes(new GloVeModel({ vocabSize: 5 }))["contexts.weight"]).toEqual([5, 300]);
  });
});

describe("TransformerModel", () => {
  const options = { vocabSize: 19, dModel: 16, nhead: 2, numLayers: 2, maxLen: 10, dropout: 0 } as const;

  it.each([false, true])("is causal to the bit, norms first: %s", async (normFirst) => {
    const model = new TransformerModel({ ...options, normFirst, generator: generator() });
    const ids = [3, 1, 4, 1, 5, 9, 2, 6];
    const before = model.forward(idsOf([ids]));
    for (let t = 1; t < ids.length; t++) {
      const changed = model.forward(idsOf([ids.map((id, i) => (i === t ? 18 : id))]));
      await expectSameBits(changed.slice(1, 0, t), before.slice(1, 0, t));
      expect(await largestDifference(changed.slice(1, t), before.slice(1, t))).toBeGreaterThan(0);
    }
  });

  it("starts as the recipe does: embeddings N(0, 1/√d), matrices Xavier-uniform, biases zero", async () => {
    const state = new TransformerModel({
      vocabSize: 300,
      dModel: 64,
      nhead: 2,
      numLayers: 1,
      generator: generator(),
    }).stateDict();
    const std = (key: string): Promise<number> => state[key]!.std().item();
    expect(await std("embedding.tokens.weight")).toBeCloseTo(1 / 8, 2);
    expect(await std("embedding.positions.weight")).toBeCloseTo(1 / 8, 2);
    expect(await std("encoder.layers.0.self_attn.in_proj_weight")).toBeCloseTo(Math.sqrt(2 / (4 * 64)), 2);
    expect(await std("encoder.layers.0.linear1.weight")).toBeCloseTo(Math.sqrt(2 / (64 + 2048)), 3);
    expect(await std("output.weight")).toBeCloseTo(Math.sqrt(2 / (64 + 300)), 2);
    for (const [key, value] of Object.entries(state)) {
      if (key.endsWith("bias")) expect((await valuesOf(value)).every((x) => x === 0)).toBe(true);
    }
  });
});

describe("Seq2SeqModel", () => {
  const model = new Seq2SeqModel({
    inputVocabSize: 13,
    outputVocabSize: 17,
    dModel: 16,
    nhead: 2,
    numLayers: 2,
    maxLen: 10,
    dimFeedforward: 24,
    dropout: 0,
    generator: generator(),
  });
  const src = idsOf([[3, 4, 5, 6]]);
  const tgt = [1, 7, 8, 9, 10];

  it("sees of the target what came before, and all of the source", async () => {
    const before = model.forward(src, idsOf([tgt]));
    for (let t = 1; t < tgt.length; t++) {
      const changed = model.forward(src, idsOf([tgt.map((id, i) => (i === t ? 16 : id))]));
      await expectSameBits(changed.slice(1, 0, t), before.slice(1, 0, t));
    }
    const other = model.forward(idsOf([[3, 4, 5, 7]]), idsOf([tgt]));
    for (let t = 0; t < tgt.length; t++) {
      expect(await largestDifference(other.select(1, t), before.select(1, t))).toBeGreaterThan(0);
    }
  });

  it("does not see the source's padding", async () => {
    const padded = model.forward(idsOf([[3, 4, 5, 6, 0, 9]]), idsOf([tgt]), idsOf([[1, 1, 1, 1, 0, 0]]));
    expect(await largestDifference(padded, model.forward(src, idsOf([tgt])))).toBeLessThan(2e-6);
  });

  it("stays finite, gradients too, with a source of padding", async () => {
    const logits = model.forward(
      idsOf([
        [3, 4],
        [5, 6],
      ]),
      idsOf([
        [1, 2],
        [1, 2],
      ]),
      idsOf([
        [1, 1],
        [0, 0],
      ]),
    );
    logits.square().sum().backward();
    for (const { grad } of model.parameters()) expect((await valuesOf(grad!)).every(Number.isFinite)).toBe(true);
    model.zeroGrad();
  });

  it("refuses two batch sizes", () => {
    expect(() => model.forward(src, idsOf([[1], [1]]))).toThrow(
      errorLike("shape", "Seq2SeqModel: tgt has the wrong shape, got [2, 1], expected [1, 1]"),
    );
  });
});

describe("BERTClassifier", () => {
  const model = new BERTClassifier({
    vocabSize: 13,
    dModel: 16,
    nhead: 2,
    numLayers: 1,
    dropout: 0,
    headDropout: 0,
    generator: generator(),
  });
  const ids = randomIds(13, [2, 5]);

  it("takes no segments for the first", async () => {
    const none = model.forward(ids);
    await expectSameBits(model.forward(ids, undefined, ids.mul(0)), none);
    expect(await largestDifference(model.forward(ids, undefined, ids.mul(0).add(1)), none)).toBeGreaterThan(0);
  });

  it("refuses wrong segments", () => {
    const run = (segments: Tensor) => () => model.forward(ids, undefined, segments);
    expect(run(idsOf([[0, 1]]))).toThrow(
      errorLike("shape", "BERTClassifier: segmentIds has the wrong shape, got [1, 2], expected [2, 5]"),
    );
    expect(run(tensor([[1, 2]]))).toThrow(
      errorLike("dtype", "BERTClassifier: segmentIds must be a tensor of integers, got float32"),
    );
    expect(
      run(
        idsOf([
          [0, 0, 0, 0, 0],
          [0, 0, 0, 0, 2],
        ]),
      ),
    ).toThrow(errorLike("index", "id is out of range, got 2"));
  });
});

describe("MultiTaskNLPModel", () => {
  it("refuses an unknown task", () => {
    const model = new MultiTaskNLPModel({ vocabSize: 5, ...narrow, ...shallow });
    expect(() => model.forward(idsOf([[1]]), undefined, "sentiment" as "qa")).toThrow(
      errorLike("argument", 'MultiTaskNLPModel: task must be one of classification, ner, qa, got "sentiment"'),
    );
  });
});

describe("NERModel", () => {
  it("refuses padding before a real token", () => {
    const model = new NERModel({ vocabSize: 5, embeddingDim: 2, hiddenDim: 2 });
    const run = (mask: number[][]) => () =>
      model.forward(
        idsOf([
          [1, 2, 3],
          [1, 2, 3],
        ]),
        idsOf(mask),
      );
    const message =
      "NERModel: attentionMask must have its padding at the end, got a real token after padding in row 1 at 2";
    expect(
      run([
        [1, 1, 0],
        [1, 0, 1],
      ]),
    ).toThrow(errorLike("argument", message));
    expect(
      run([
        [0, 0, 0],
        [1, 1, 1],
      ]),
    ).not.toThrow();
  });
});

describe.each([
  ["Word2VecModel", new Word2VecModel({ vocabSize: 200, embeddingDim: 10, generator: generator() })],
  ["GloVeModel", new GloVeModel({ vocabSize: 200, embeddingDim: 10, generator: generator() })],
])("%s", (_, model) => {
  it("starts within ±0.5 / width", async () => {
    const values = await valuesOf(model.targets.weight);
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(0.05);
    expect(Math.max(...values.map(Math.abs))).toBeGreaterThan(0.04);
  });
});

describe("Word2VecModel", () => {
  const model = new Word2VecModel({ vocabSize: 20, embeddingDim: 4, generator: generator() });

  it("looks up targets, contexts and negatives", async () => {
    expect((await valuesOf(model.contexts.weight)).every((x) => x === 0)).toBe(true);
    const [target, context, negatives] = model.forward(
      tensor(Int32Array.of(3, 4)),
      tensor(Int32Array.of(5, 6)),
      randomIds(20, [2, 3]),
    );
    await expectSameBits(target, model.targets.weight.slice(0, 3, 5));
    await expectSameBits(context, model.contexts.weight.slice(0, 5, 7));
    expect(negatives.shape).toEqual([2, 3, 4]);
    expect([...(await model.vectors())]).toEqual(await valuesOf(model.targets.weight));
  });

  it("scores words as the vectors that it looks up do", async () => {
    const [small, words] = [new Word2VecModel({ vocabSize: 20, embeddingDim: 4, generator: generator() }), [2, 3]];
    small.contexts.weight.assign(small.targets.weight.mul(3));
    const [target, candidates] = [tensor(Int32Array.of(3, 4)), randomIds(20, words)];
    const [vectors, , others] = small.forward(target, target, candidates);
    const expected = await valuesOf(others.mul(vectors.unsqueeze(1)).sum(-1));
    const scores = small.scores(target, candidates);
    expect(scores.shape).toEqual(words);
    (await valuesOf(scores)).forEach((score, i) => expect(score).toBeCloseTo(expected[i]!, 6));
    expect(() => small.scores(target, randomIds(20, [3, 2]))).toThrow(errorLike("shape", "words has the wrong shape"));
  });

  it.each([
    ["other contexts", [1, 2], [1, 2, 3], [2, 3], "context has the wrong shape, got [3], expected [2]"],
    ["other negatives", [1, 2], [1, 2], [3, 3], "negatives has the wrong shape, got [3, 3], expected [2, 3]"],
    ["flat negatives", [1, 2], [1, 2], [6], "negatives has the wrong shape, got [6], expected [2, 0]"],
  ])("refuses %s", (_, target, context, negatives, message) => {
    const ids = (list: number[]): Tensor => tensor(Int32Array.from(list));
    expect(() => model.forward(ids(target), ids(context), randomIds(20, negatives))).toThrow(
      errorLike("shape", message),
    );
  });
});

describe("GloVeModel", () => {
  const model = new GloVeModel({ vocabSize: 20, embeddingDim: 4, generator: generator() });

  it("gives the loss its arguments, and the sum of both tables as vectors", async () => {
    const counts = tensor([1, 2.5]);
    const [targetEmb, contextEmb, targetBias, contextBias, same] = model.forward(
      tensor(Int32Array.of(3, 4)),
      tensor(Int32Array.of(5, 6)),
      counts,
    );
    await expectSameBits(targetEmb, model.targets.weight.slice(0, 3, 5));
    await expectSameBits(contextEmb, model.contexts.weight.slice(0, 5, 7));
    await expectSameBits(targetBias, model.targetBiases.weight.slice(0, 3, 5));
    await expectSameBits(contextBias, model.contextBiases.weight.slice(0, 5, 7));
    expect(same).toBe(counts);
    expect([...(await model.vectors())]).toEqual(await valuesOf(model.targets.weight.add(model.contexts.weight)));
  });

  it("refuses counts of another length", () => {
    const ids = tensor(Int32Array.of(1, 2));
    expect(() => model.forward(ids, ids, tensor([1, 2, 3]))).toThrow(
      errorLike("shape", "GloVeModel: counts has the wrong shape, got [3], expected [2]"),
    );
  });
});
