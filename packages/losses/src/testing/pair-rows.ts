// Rows of the losses that compare two arrays of one shape.

import { tensor } from "@torchium/tensor";
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
];
