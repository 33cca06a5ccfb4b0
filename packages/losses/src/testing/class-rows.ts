// Rows of the losses over classes.

import { tensor } from "@torchium/tensor";
import { logSumExp, total } from "./arithmetic.js";
import type { Defined, LossRow, Plain } from "./row.js";

const ids = (values: readonly number[]) => tensor(Int32Array.from(values));
const weights = (count: number) => tensor(Float64Array.from({ length: count }, (_, i) => 0.3 + 0.4 * i));

/** Losses of scores [N, C] or [N, C, L] in the order of the targets, and their weighted mean. */
function overClasses(
  x: Plain,
  options: Plain,
  ofOne: (scores: number[], target: number, w: number[]) => number,
): Defined {
  const { ignoreIndex = -100, weight } = options;
  const losses: number[] = [];
  let counted = 0;
  const one = (scores: number[], target: number): void => {
    const w: number[] = weight ?? scores.map(() => 1);
    const counts = target !== ignoreIndex;
    losses.push(counts ? ofOne(scores, target, w) : 0);
    counted += counts ? w[target]! : 0;
  };
  x.input.forEach((scores: number[] | number[][], n: number) => {
    if (!Array.isArray(x.target[n])) return one(scores as number[], x.target[n]);
    x.target[n].forEach((t: number, l: number) => {
      one(
        (scores as number[][]).map((row) => row[l]!),
        t,
      );
    });
  });
  return { losses, mean: counted === 0 ? 0 : total(losses) / counted };
}

const crossEntropy = (smoothing: number) => (scores: number[], target: number, w: number[]) => {
  const all = logSumExp(scores);
  const spread = total(scores.map((s, c) => (w[c]! * (all - s)) / scores.length));
  return (1 - smoothing) * w[target]! * (all - scores[target]!) + smoothing * spread;
};

const far = {
  what: "logits of a thousand",
  inputs: {
    input: tensor([
      [1000, 0, -1000],
      [1e4, 1e4, 0],
    ]),
    target: ids([0, 1]),
  },
};

/** What every loss over classes refuses. */
const wrongClasses = [
  {
    what: "a target of another length",
    inputs: { target: ids([0, 1]) },
    code: "shape",
    message: /target/,
  },
  { what: "a class that does not exist", inputs: { target: ids([0, 9, 0, 0, 0, 0]) }, code: "index", message: /got 9/ },
  {
    what: "targets that are no ids",
    inputs: { target: tensor([0.5, 1, 1, 1, 1, 1]) },
    code: "dtype",
    message: /float32/,
  },
  { what: "logits of integers", inputs: { input: ids([1, 2]) }, code: "dtype", message: /int32/ },
  {
    what: "a number for a tensor",
    inputs: { input: 3 },
    code: "argument",
    message: /input must be a tensor/,
  },
] as const;

/** The rows. */
export const classRows: readonly LossRow[] = [
  {
    name: "CrossEntropyLoss",
    options: [{}, { labelSmoothing: 0.2, ignoreIndex: 1 }, { weight: weights(4), labelSmoothing: 0.1 }],
    inputs: (draw) => ({ input: draw.normal(6, 4), target: draw.ids(4, 6) }),
    definition: (x, options) => overClasses(x, options, crossEntropy(options.labelSmoothing ?? 0)),
    extremes: [
      { ...far, losses: [0, Math.LN2] },
      {
        ...far,
        what: "smoothed logits of a thousand",
        options: { labelSmoothing: 0.3 },
        losses: [300, Math.LN2 + 1000],
      },
      {
        what: "a logit of −∞ beside the target",
        inputs: { input: tensor([[0, Number.NEGATIVE_INFINITY, 0]]), target: ids([2]) },
        losses: [Math.LN2],
      },
    ],
    wrong: [
      ...wrongClasses,
      {
        what: "weights of other classes",
        options: { weight: weights(3) },
        inputs: {},
        code: "shape",
        message: /weight/,
      },
      {
        what: "probabilities as targets",
        inputs: { input: tensor([[0.5, 0.5]]), target: tensor([[0.5, 0.5]]) },
        code: "unsupported",
        message: /class ids/,
      },
    ],
  },
  {
    name: "LabelSmoothingLoss",
    options: [{}, { numClasses: 4, smoothing: 0.3, ignoreIndex: 2 }, { smoothing: 0 }],
    inputs: (draw) => ({ input: draw.normal(6, 4), target: draw.ids(4, 6) }),
    definition: (x, options) => overClasses(x, options, crossEntropy(options.smoothing ?? 0.1)),
    extremes: [{ ...far, options: { smoothing: 0.3 }, losses: [300, Math.LN2 + 1000] }],
    wrong: [
      ...wrongClasses,
      {
        what: "another number of classes",
        options: { numClasses: 5 },
        inputs: {},
        code: "shape",
        message: /5 classes/,
      },
    ],
  },
  {
    name: "NLLLoss",
    options: [{}, { ignoreIndex: 0 }, { weight: weights(4) }],
    inputs: (draw) => ({ input: draw.normal(6, 4), target: draw.ids(4, 6) }),
    definition: (x, options) => overClasses(x, options, (scores, target, w) => -w[target]! * scores[target]!),
    extremes: [
      {
        what: "impossible classes beside the target",
        inputs: { input: tensor([[0, Number.NEGATIVE_INFINITY]]), target: ids([0]) },
        losses: [0],
      },
    ],
    wrong: wrongClasses,
  },
];
