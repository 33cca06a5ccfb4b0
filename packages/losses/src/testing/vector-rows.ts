// Rows of the losses over vectors: similarities and word vectors.

import { tensor } from "@torchium/tensor";
import { dot, sigmoid, total, zip } from "./arithmetic.js";
import type { LossRow } from "./row.js";

const signs = (...values: number[]) => tensor(Int32Array.from(values));
const distance = (a: number[], b: number[], p: number, eps: number): number =>
  total(a.map((x, i) => Math.abs(x - b[i]! + eps) ** p)) ** (1 / p);

/** The rows. */
export const vectorRows: readonly LossRow[] = [
  {
    name: "CosineEmbeddingLoss",
    options: [{}, { margin: 0.2 }, { margin: -0.9 }],
    inputs: (draw) => ({ input1: draw.normal(4, 3), input2: draw.normal(4, 3), target: signs(1, -1, -1, 1) }),
    definition: ({ input1, input2, target }, { margin = 0 }) => ({
      losses: (target as number[]).map((sign, i) => {
        const [a, b] = [input1[i], input2[i]];
        const cosine = dot(a, b) / Math.sqrt((dot(a, a) + 1e-12) * (dot(b, b) + 1e-12));
        return sign === 1 ? 1 - cosine : Math.max(0, cosine - margin);
      }),
    }),
    extremes: [
      {
        what: "vectors of length 1e18, and of length 0",
        inputs: {
          input1: tensor([
            [1e18, 0],
            [0, 0],
          ]),
          input2: tensor([
            [1e18, 0],
            [1, 0],
          ]),
          target: signs(1, 1),
        },
        losses: [0, 1],
      },
    ],
    wrong: [
      { what: "other shapes", inputs: { input2: tensor([[1, 2, 3]]) }, code: "shape", message: /input1 and input2/ },
      { what: "too few targets", inputs: { target: signs(1, 1) }, code: "shape", message: /target/ },
      { what: "a target of 0", inputs: { target: signs(1, 0, 1, 1) }, code: "argument", message: /position 1.* got 0/ },
      { what: "integers", inputs: { input1: signs(1) }, code: "dtype", message: /input1/ },
    ],
  },
  {
    name: "MarginRankingLoss",
    options: [{}, { margin: 0.5 }],
    inputs: (draw) => ({ input1: draw.normal(4), input2: draw.normal(4), target: signs(1, -1, -1, 1) }),
    definition: ({ input1, input2, target }, { margin = 0 }) => ({
      losses: zip((a, b, y) => Math.max(0, -y! * (a! - b!) + margin), input1, input2, target),
    }),
    extremes: [
      {
        what: "scores of 1e30",
        inputs: { input1: tensor([1e30, 1e30]), input2: tensor([0, 0]), target: signs(1, -1) },
        losses: [0, 1e30],
      },
    ],
    wrong: [
      { what: "other shapes", inputs: { input2: tensor([1, 2]) }, code: "shape", message: /input1 and input2/ },
      { what: "a target of 0", inputs: { target: signs(1, 0, 1, 1) }, code: "argument", message: /position 1.* got 0/ },
      { what: "integers", inputs: { input1: signs(1) }, code: "dtype", message: /input1/ },
    ],
  },
  {
    name: "GaussianNLLLoss",
    options: [{}, { full: true }, { eps: 0.5 }],
    inputs: (draw) => ({ input: draw.normal(3, 4), target: draw.normal(3, 4), variance: draw.uniform(0.6, 2, 3, 1) }),
    definition: ({ input, target, variance }, { full, eps = 1e-6 }) => ({
      losses: (input as number[][]).flatMap((row, i) =>
        row.map((x, j) => {
          const v = Math.max(eps, variance[i][0]);
          return 0.5 * (Math.log(v) + (x - target[i][j]) ** 2 / v + (full ? Math.log(2 * Math.PI) : 0));
        }),
      ),
    }),
    extremes: [
      {
        what: "a variance of 0",
        inputs: { input: tensor([[1]]), target: tensor([[1]]), variance: tensor([[0]]) },
        losses: [0.5 * Math.log(1e-6)],
      },
    ],
    wrong: [
      { what: "other shapes", inputs: { target: tensor([1, 2]) }, code: "shape", message: /input and target/ },
      { what: "a variance of another shape", inputs: { variance: tensor([1, 2]) }, code: "shape", message: /variance/ },
      {
        what: "a variance below 0",
        inputs: { variance: tensor([[1], [-1], [1]]) },
        code: "argument",
        message: /variance \(at position 1\)/,
      },
    ],
  },
  {
    name: "TripletMarginLoss",
    options: [{}, { p: 1, margin: 0.5 }, { p: 3, eps: 1e-3 }, { swap: true }],
    inputs: (draw) => ({ anchor: draw.normal(4, 3), positive: draw.normal(4, 3), negative: draw.normal(4, 3) }),
    definition: ({ anchor, positive, negative }, { margin = 1, p = 2, eps = 1e-6, swap }) => ({
      losses: (anchor as number[][]).map((a, i) => {
        const far = distance(a, negative[i], p, eps);
        const other = swap ? distance(positive[i], negative[i], p, eps) : far;
        return Math.max(0, distance(a, positive[i], p, eps) - Math.min(far, other) + margin);
      }),
    }),
    extremes: [
      {
        what: "equal vectors, whose distance has no slope",
        options: { eps: 0 },
        inputs: { anchor: tensor([[1, 2]]), positive: tensor([[1, 2]]), negative: tensor([[1, 2]]) },
        losses: [1],
      },
    ],
    wrong: [
      { what: "other shapes", inputs: { negative: tensor([[1, 2]]) }, code: "shape", message: /anchor and negative/ },
      { what: "integers", inputs: { positive: signs(1) }, code: "dtype", message: /positive/ },
    ],
  },
  {
    name: "Word2VecLoss",
    options: [{}, { vocabSize: 10, embeddingDim: 3, negativeSamples: 2 }],
    inputs: (draw) => ({ target: draw.normal(4, 3), context: draw.normal(4, 3), negatives: draw.normal(4, 2, 3) }),
    definition: ({ target, context, negatives }) => ({
      losses: (target as number[][]).map((t, i) => {
        const wrong = total(negatives[i].map((n: number[]) => Math.log(sigmoid(-dot(t, n)))));
        return -Math.log(sigmoid(dot(t, context[i]))) - wrong;
      }),
    }),
    extremes: [
      {
        what: "products of a thousand",
        inputs: { target: tensor([[1000], [1000]]), context: tensor([[1], [-1]]), negatives: tensor([[[-1]], [[1]]]) },
        losses: [0, 2000],
      },
    ],
    wrong: [
      {
        what: "another width",
        options: { embeddingDim: 4 },
        inputs: {},
        code: "shape",
        message: /target .*expected \[any, 4\]/,
      },
      {
        what: "another number of negatives",
        options: { negativeSamples: 5 },
        inputs: {},
        code: "shape",
        message: /negatives/,
      },
      { what: "contexts of another width", inputs: { context: tensor([[1, 2]]) }, code: "shape", message: /context/ },
      { what: "ids for embeddings", inputs: { target: signs(1, 2) }, code: "dtype", message: /target .*int32/ },
    ],
  },
  {
    name: "GloVeLoss",
    options: [{}, { xMax: 10, alpha: 0.5, embeddingDim: 3, vocabSize: 7 }],
    inputs: (draw) => ({
      targetEmb: draw.normal(4, 3),
      contextEmb: draw.normal(4, 3),
      targetBias: draw.normal(4, 1),
      contextBias: draw.normal(4),
      counts: tensor([0.2, 5, 50, 500]),
    }),
    definition: (x, { xMax = 100, alpha = 0.75 }) => ({
      losses: (x.counts as number[]).map((count, i) => {
        const error = dot(x.targetEmb[i], x.contextEmb[i]) + x.targetBias[i][0] + x.contextBias[i] - Math.log(count);
        return Math.min(1, (count / xMax) ** alpha) * error ** 2;
      }),
    }),
    extremes: [
      {
        what: "counts of 1e30 and 1e-30",
        inputs: {
          targetEmb: tensor([[0], [0]]),
          contextEmb: tensor([[0], [0]]),
          targetBias: tensor([0, 0]),
          contextBias: tensor([0, 0]),
          counts: tensor([1e30, 1e-30]),
        },
        losses: [Math.log(1e30) ** 2, 1e-24 * Math.log(1e-30) ** 2],
      },
    ],
    wrong: [
      {
        what: "a count of 0",
        inputs: { counts: tensor([1, 0, 1, 1]) },
        code: "argument",
        message: /counts \(at position 1\).*above 0, got 0/,
      },
      {
        what: "a NaN count",
        inputs: { counts: tensor([1, 1, 1, Number.NaN]) },
        code: "argument",
        message: /position 3.*NaN/,
      },
      { what: "too few counts", inputs: { counts: tensor([1, 2]) }, code: "shape", message: /counts/ },
      {
        what: "a bias matrix",
        inputs: {
          targetBias: tensor([
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
          ]),
        },
        code: "shape",
        message: /targetBias/,
      },
      { what: "another width", options: { embeddingDim: 300 }, inputs: {}, code: "shape", message: /targetEmb .*300/ },
    ],
  },
];
