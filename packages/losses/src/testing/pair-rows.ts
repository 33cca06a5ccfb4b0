// Rows of the losses that compare two arrays of one shape.

import { type Tensor, tensor } from "@torchium/tensor";
import { sigmoid, zip } from "./arithmetic.js";
import type { Defined, LossRow, WrongCall } from "./row.js";

const wrongPairs: readonly WrongCall[] = [
  { what: "other shapes", inputs: { target: tensor([1, 2]) }, code: "shape", message: /input and target/ },
  { what: "integers", inputs: { input: tensor([1], { dtype: "int32" }) }, code: "dtype", message: /input .*int32/ },
  { what: "no tensor", inputs: { target: [1, 2, 3] }, code: "argument", message: /target must be a tensor/ },
];

const pair = (input: readonly number[], target: readonly number[]) => ({
  input: tensor(input),
  target: tensor(target),
});

const trained = (x: Tensor): Tensor => {
  x.requiresGrad = true;
  return x;
};

/** The usual row: a formula of the difference. */
const ofDifference = (
  formula: (d: number, options: { readonly delta?: number; readonly beta?: number }) => number,
) => ({
  inputs: ((draw) => ({ input: draw.normal(3, 4), target: draw.normal(3, 4) })) satisfies LossRow["inputs"],
  definition: ((x, options): Defined => ({
    losses: zip((a, b) => formula(Math.abs(a! - b!), options), x.input, x.target),
  })) satisfies LossRow["definition"],
  wrong: wrongPairs,
});

/** The rows. */
export const pairRows: readonly LossRow[] = [
  {
    name: "MSELoss",
    options: [{}],
    ...ofDifference((d) => d * d),
    extremes: [{ what: "differences of 1e18", inputs: pair([1e18, 0], [0, 0]), losses: [1e36, 0] }],
  },
  {
    name: "L1Loss",
    options: [{}],
    ...ofDifference((d) => d),
    extremes: [{ what: "differences of 1e38", inputs: pair([1e38, -1e38], [0, 0]), losses: [1e38, 1e38] }],
  },
  {
    name: "HuberLoss",
    options: [{}, { delta: 0.3 }],
    ...ofDifference((d, { delta = 1 }) => (d <= delta ? 0.5 * d * d : delta * (d - 0.5 * delta))),
    extremes: [{ what: "squares that overflow", inputs: pair([1e30, 0.5], [0, 0]), losses: [1e30, 0.125] }],
  },
  {
    name: "SmoothL1Loss",
    options: [{}, { beta: 0.3 }, { beta: 0 }],
    ...ofDifference((d, { beta = 1 }) => (d < beta ? (0.5 * d * d) / beta : d - 0.5 * beta)),
    extremes: [{ what: "squares that overflow", inputs: pair([1e30, 0.5], [0, 0]), losses: [1e30, 0.125] }],
  },
  {
    name: "BCEWithLogitsLoss",
    options: [{}, { weight: tensor([[0.5], [2], [1]]), posWeight: tensor([1, 2, 0.5, 3]) }],
    inputs: (draw) => ({ input: draw.normal(3, 4), target: draw.uniform(0, 1, 3, 4) }),
    definition: ({ input, target }, { weight, posWeight }) => ({
      losses: (input as number[][]).flatMap((row, i) =>
        row.map((x, j) => {
          const y = target[i][j];
          const p = posWeight?.[j] ?? 1;
          return -(weight?.[i][0] ?? 1) * (p * y * Math.log(sigmoid(x)) + (1 - y) * Math.log(1 - sigmoid(x)));
        }),
      ),
    }),
    extremes: [
      {
        what: "logits of a thousand",
        inputs: pair([-1000, 1000, 1000, -1000], [1, 0, 1, 0]),
        losses: [1000, 1000, 0, 0],
      },
      { what: "losses near 0", inputs: pair([-50, 50], [0, 1]), losses: [Math.exp(-50), Math.exp(-50)] },
    ],
    wrong: wrongPairs,
  },
  {
    name: "KLDivLoss",
    options: [{}, { logTarget: true }],
    inputs: (draw) => ({ input: draw.normal(3, 4), target: draw.uniform(0.1, 1, 3, 4) }),
    definition: ({ input, target }, { logTarget }) => ({
      losses: zip((x, t) => (logTarget ? Math.exp(t!) * (t! - x!) : t! * (Math.log(t!) - x!)), input, target),
    }),
    extremes: [
      {
        what: "targets without probability",
        inputs: pair([-1, Number.NEGATIVE_INFINITY], [1, 0]),
        losses: [1, 0],
      },
      {
        what: "log-targets without probability",
        options: { logTarget: true },
        inputs: pair([-1, Number.NEGATIVE_INFINITY], [0, Number.NEGATIVE_INFINITY]),
        losses: [1, 0],
      },
    ],
    wrong: wrongPairs,
  },
  {
    name: "BCELoss",
    options: [{}, { weight: tensor([[0.5], [2], [1]]) }],
    inputs: (draw) => ({ input: trained(draw.uniform(0.05, 0.95, 3, 4)), target: draw.uniform(0, 1, 3, 4) }),
    definition: ({ input, target }, { weight }) => ({
      losses: (input as number[][]).flatMap((row, i) =>
        row.map((x, j) => {
          const y = target[i][j];
          return -(weight?.[i][0] ?? 1) * (y * Math.log(x) + (1 - y) * Math.log(1 - x));
        }),
      ),
    }),
    extremes: [
      {
        what: "certain probabilities, right and wrong",
        inputs: pair([0, 1, 0, 1], [0, 1, 1, 0]),
        losses: [0, 0, 100, 100],
      },
    ],
    wrong: [
      ...wrongPairs,
      {
        what: "a logit",
        inputs: pair([0.5, 2], [0, 1]),
        code: "argument",
        message: /input \(at position 1\) must be a probability from 0 to 1, got 2/,
      },
    ],
  },
  {
    name: "PoissonNLLLoss",
    options: [{}, { full: true }, { logInput: false, eps: 1e-4 }],
    inputs: (draw) => ({ input: trained(draw.uniform(0.1, 2, 3, 4)), target: draw.uniform(0, 6, 3, 4) }),
    definition: ({ input, target }, { logInput = true, full, eps = 1e-8 }) => ({
      losses: zip(
        (x, y) => {
          const rate = logInput ? Math.exp(x!) - y! * x! : x! - y! * Math.log(x! + eps);
          return rate + (full && y! > 1 ? y! * Math.log(y!) - y! + 0.5 * Math.log(2 * Math.PI * y!) : 0);
        },
        input,
        target,
      ),
    }),
    extremes: [
      {
        what: "no counts at a rate of 0",
        options: { logInput: false, full: true },
        inputs: pair([0], [0]),
        losses: [0],
      },
    ],
    wrong: wrongPairs,
  },
  {
    name: "HingeEmbeddingLoss",
    options: [{}, { margin: 0.3 }],
    inputs: (draw) => ({ input: draw.normal(4), target: tensor(Int32Array.from([1, -1, -1, 1])) }),
    definition: ({ input, target }, { margin = 1 }) => ({
      losses: zip((x, y) => (y === 1 ? x! : Math.max(0, margin - x!)), input, target),
    }),
    extremes: [{ what: "distances of 1e30", inputs: pair([1e30, 1e30], [1, -1]), losses: [1e30, 0] }],
    wrong: [
      ...wrongPairs.filter(({ code }) => code !== "dtype"),
      { what: "a target of 0", inputs: pair([1], [0]), code: "argument", message: /position 0.* got 0/ },
    ],
  },
];
