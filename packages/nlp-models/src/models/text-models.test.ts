// What every model of text must have, as a table of models crossed with properties: sizes, padding, gradients, state,
// errors.

import { Generator, type Tensor, tensor, zeros } from "@torchium/tensor";
import type { Module } from "@torchium/tensor/nn";
import { describe, expect, it } from "vitest";
import { errorLike } from "../test-helpers.js";
import { BERTClassifier } from "./bert-classifier.js";
import { BERTMaskedLM } from "./bert-masked-lm.js";
import { MultiTaskNLPModel } from "./multi-task.js";
import { NERModel } from "./ner.js";
import { Seq2SeqModel } from "./seq2seq.js";
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
import { TransformerModel } from "./transformer.js";
import type { TransformerOptions } from "./transformer-stack.js";

/** A model and how to run it on ids [batch, length] with a mask; `wide` says whether it gives a row a token. */
type Subject = {
  readonly name: string;
  readonly make: (options: object) => Module;
  readonly run: (model: Module, ids: Tensor, mask?: Tensor) => Tensor;
  readonly last: number;
  readonly wide: boolean;
  /** Options without corners, across which a difference tells nothing. */
  readonly smooth: object;
};

const sizes = { dModel: 16, nhead: 2, numLayers: 2, maxLen: 12, dimFeedforward: 24, dropout: 0 } as const;
const tiny = { vocabSize: 23, ...sizes };
const source = idsOf([
  [3, 4, 5],
  [6, 7, 8],
]);

const subject = <M extends Module>(
  name: string,
  make: (options: object) => M,
  run: (model: M, ids: Tensor, mask?: Tensor) => Tensor,
  last: number,
  wide: boolean,
  smooth: object = { activation: "gelu" },
): Subject => ({ name, make, run: run as Subject["run"], last, wide, smooth });

const transformers: Subject[] = [
  subject(
    "TransformerModel",
    (o) => new TransformerModel({ ...tiny, ...o }),
    (m, ids, mask) => m.forward(ids, mask),
    23,
    true,
  ),
  subject(
    "TransformerModel, tied",
    (o) => new TransformerModel({ ...tiny, tieWeights: true, ...o }),
    (m, ids, mask) => m.forward(ids, mask),
    23,
    true,
  ),
  subject(
    "Seq2SeqModel's targets",
    (o) => new Seq2SeqModel({ ...sizes, inputVocabSize: 9, outputVocabSize: 23, ...o }),
    (m, ids, mask) => m.forward(source.slice(0, 0, ids.shape[0]!), ids, undefined, mask),
    23,
    true,
  ),
  subject(
    "BERTClassifier",
    (o) => new BERTClassifier({ ...tiny, numClasses: 3, headDropout: 0, ...o }),
    (m, ids, mask) => m.forward(ids, mask, ids.gt(3).to("int32")),
    3,
    false,
    { activation: "gelu", headActivation: "tanh" },
  ),
  subject(
    "BERTMaskedLM",
    (o) => new BERTMaskedLM({ ...tiny, ...o }),
    (m, ids, mask) => m.forward(ids, mask, ids.gt(3).to("int32")),
    23,
    true,
  ),
  subject(
    "MultiTaskNLPModel's classes",
    (o) => new MultiTaskNLPModel({ ...tiny, numClasses: 4, ...o }),
    (m, ids, mask) => m.forward(ids, mask, "classification"),
    4,
    false,
  ),
  subject(
    "MultiTaskNLPModel's tags",
    (o) => new MultiTaskNLPModel({ ...tiny, numTags: 5, ...o }),
    (m, ids, mask) => m.forward(ids, mask, "ner"),
    5,
    true,
  ),
];

const tagger = subject(
  "NERModel",
  (o) => new NERModel({ vocabSize: 23, numTags: 5, embeddingDim: 8, hiddenDim: 6, dropout: 0, ...o }),
  (m, ids, mask) => m.forward(ids, mask),
  5,
  true,
  {},
);

const all = [...transformers, tagger].map((s) => [s.name, s] as const);
const seeded = (seed: number): object => ({ generator: new Generator(seed) });

describe.each(all)("%s", (_, { make, run, last, wide, smooth }) => {
  const model = make(seeded(1));
  const ids = idsOf([
    [3, 1, 4, 1],
    [5, 9, 2, 6],
  ]);

  it("gives a row a sentence or a token", () => {
    expect(run(model, ids).shape).toEqual(wide ? [2, 4, last] : [2, last]);
    expect(run(model, ids.slice(1, 0, 1)).shape).toEqual(wide ? [2, 1, last] : [2, last]);
  });

  it.each([
    ["integers", (mask: Tensor) => mask],
    ["unsigned integers", (mask: Tensor) => mask.to("uint32")],
    ["booleans", (mask: Tensor) => mask.ne(0)],
  ])("gives real tokens the same whatever pads them: a mask of %s", async (_, form) => {
    const padded = idsOf([
      [3, 1, 4, 1, 22, 21],
      [5, 9, 2, 6, 20, 0],
    ]);
    const mask = idsOf([
      [1, 1, 1, 1, 0, 0],
      [1, 1, 1, 1, 0, 0],
    ]);
    const got = run(model, padded, form(mask));
    expect(await largestDifference(wide ? got.slice(1, 0, 4) : got, run(model, ids))).toBeLessThan(2e-6);
  });

  it("gives a mask of real tokens alone no effect", async () => {
    expect(await largestDifference(run(model, ids, ids.mul(0).add(1)), run(model, ids))).toBeLessThan(2e-6);
  });

  it("gives zeros and no gradient for a row of padding, and leaves the others alone", async () => {
    const fresh = make(seeded(1));
    const mask = idsOf([
      [1, 1, 1, 1],
      [0, 0, 0, 0],
    ]);
    const got = run(fresh, ids, mask);
    expect(await largestDifference(got.slice(0, 0, 1), run(model, ids).slice(0, 0, 1))).toBeLessThan(2e-6);
    const empty = got.select(0, 1);
    expect((await valuesOf(empty)).every((x) => x === 0)).toBe(true);
    empty.sum().backward();
    for (const { grad } of fresh.parameters()) {
      if (grad) expect((await valuesOf(grad)).every((x) => x === 0)).toBe(true);
    }
  });

  it("has the gradient that central differences give", async () => {
    const exact = make({ ...seeded(1), ...smooth, dtype: "float64" });
    const mask = idsOf([
      [1, 1, 1, 1],
      [1, 1, 0, 0],
    ]);
    await expectGradientAlongDirection(exact, () => weightedSum(run(exact, ids, mask)));
  });

  it("starts from its generator alone", async () => {
    await expectSameBits(run(make(seeded(1)), ids), run(model, ids));
    expect(await largestDifference(run(make(seeded(2)), ids), run(model, ids))).toBeGreaterThan(0);
  });

  it("gives its state back", () => expectStateRoundTrip(model, make(seeded(2)), (m) => run(m, ids)));

  it("draws dropout in training alone", async () => {
    const noisy = make({ ...seeded(1), dropout: 0.4 });
    expect(await largestDifference(run(noisy, ids), run(noisy, ids))).toBeGreaterThan(0);
    noisy.eval();
    await expectSameBits(run(noisy, ids), run(noisy, ids));
  });

  it.each([
    ["fractions", () => run(model, zeros(1, 3)), "dtype", "must be a tensor of integers, got float32"],
    [
      "no batch",
      () => run(model, tensor(Int32Array.of(1, 2))),
      "shape",
      "has the wrong shape, got [2], expected [batch, length]",
    ],
    ["no tokens", () => run(model, zeros(2, 0, { dtype: "int32" })), "shape", "got [2, 0], expected [batch, length]"],
    ["an id too large", () => run(model, idsOf([[1, 23]])), "index", "id is out of range, got 23"],
    [
      "a mask of another shape",
      () => run(model, ids, idsOf([[1, 1, 1, 1]])),
      "shape",
      "has the wrong shape, got [1, 4], expected [2, 4]",
    ],
    [
      "a mask of fractions",
      () => run(model, ids, zeros(2, 4)),
      "dtype",
      "must be integers or booleans (1 or true at real tokens)",
    ],
    ["an unknown option", () => make({ width: 3 }), "argument", "unknown option, got width, "],
    [
      "dropout of everything",
      () => make({ dropout: 1 }),
      "argument",
      "dropout must be a finite number from 0 to below 1, got 1",
    ],
  ])("refuses %s", (_, call, code, message) => {
    expect(call).toThrow(errorLike(code, message));
  });
});

describe.each(transformers.map((s) => [s.name, s] as const))("%s, as a stack of layers", (_, { make, run }) => {
  const options: [string, TransformerOptions][] = [
    ["as it comes", {}],
    ["norms first", { normFirst: true }],
    ["GELU, no scale", { activation: "gelu", scaleEmbedding: false }],
  ];

  it.each(options)("takes the options of its layers: %s", async (_, given) => {
    const model = make({ ...seeded(1), ...given });
    const got = run(model, idsOf([[1, 2, 3]]));
    expect((await valuesOf(got)).every(Number.isFinite)).toBe(true);
    const keys = Object.keys(model.stateDict());
    expect(keys.some((key) => key.endsWith("encoder.norm.weight"))).toBe(given.normFirst === true);
  });

  it("refuses what does not fit", () => {
    const long = randomIds(23, [1, 13]);
    expect(() => run(make({}), long)).toThrow(
      errorLike("shape", "is too long, got 13 tokens, expected at most 12 (maxLen)"),
    );
    expect(() => make({ nhead: 3 })).toThrow(errorLike("argument", "dModel must be a multiple of nhead (3), got 16"));
    expect(() => make({ numLayers: 1.5 })).toThrow(
      errorLike("argument", "numLayers must be a positive integer, got 1.5"),
    );
    expect(() => make({ layerNormEps: 0 })).toThrow(
      errorLike("argument", "layerNormEps must be a finite number above 0, got 0"),
    );
  });
});

describe("every parameter takes part", () => {
  const ids = randomIds(23, [3, 7]);
  it.each([...transformers.filter(({ name }) => !/Multi|Seq2Seq/.test(name)), tagger].map((s) => [s.name, s] as const))(
    "%s",
    async (_, { make, run }) => {
      const model = make({ ...seeded(1), ...(run === tagger.run ? { numLayers: 2 } : { maxLen: 7, normFirst: true }) });
      await expectGradientsEverywhere(model, weightedSum(run(model, ids)));
    },
  );

  it("Seq2SeqModel, masks and all", async () => {
    const model = new Seq2SeqModel({ ...sizes, maxLen: 7, inputVocabSize: 23, outputVocabSize: 23, ...seeded(1) });
    const mask = idsOf([
      [1, 1, 1, 1, 1, 1, 1],
      [1, 1, 1, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0, 0],
    ]);
    await expectGradientsEverywhere(model, weightedSum(model.forward(ids, ids, mask, mask)));
  });

  it("MultiTaskNLPModel, three heads from one pass", async () => {
    const model = new MultiTaskNLPModel({ ...tiny, maxLen: 7, ...seeded(1) });
    const { classification, ner, qa } = model.forward(ids);
    await expectSameBits(classification, model.forward(ids, undefined, "classification"));
    await expectSameBits(ner, model.forward(ids, undefined, "ner"));
    await expectSameBits(qa, model.forward(ids, undefined, "qa"));
    await expectGradientsEverywhere(model, weightedSum(classification).add(weightedSum(ner)).add(weightedSum(qa)));
  });
});
