// Draws from given probabilities, on the device.

import { checkFlag, checkInteger, checkOptions } from "../arguments.js";
import { checkTensor } from "../autograd/checks.js";
import { noGrad } from "../control.js";
import { rand } from "../creation.js";
import { isFloat } from "../dtype.js";
import { argumentError, shapeError, TensorError } from "../errors.js";
import type { Generator } from "../random.js";
import type { Tensor } from "../tensor.js";

/** Options of `multinomial`. */
export type MultinomialOptions = {
  /** Whether one position may be drawn again; false unless given. */
  readonly replacement?: boolean;
  /** What is drawn from; the default generator unless given. */
  readonly generator?: Generator;
};

/**
 * `count` positions drawn with the probabilities of a vector [n], or of each row of a matrix [rows, n]: int32 [count] or
 * [rows, count]. Weights need not add up to 1; none may be below 0, and without replacement at least `count` must be
 * above 0. @throws TensorError `shape`, `dtype`, `argument`
 */
export function multinomial(weights: Tensor, count: number, options: MultinomialOptions = {}): Tensor {
  const op = "multinomial";
  checkTensor(op, weights, "the weights");
  checkOptions(op, options, ["replacement", "generator"]);
  const { replacement = false, ...drawing } = options;
  checkFlag(op, "replacement", replacement);
  checkInteger(op, "count", count, 1);
  if (!isFloat(weights.dtype)) throw new TensorError("dtype", `${op}: weights must be floating, got ${weights.dtype}`);
  if (weights.ndim !== 1 && weights.ndim !== 2)
    throw shapeError(op, "weights must be [n] or [rows, n]", [weights.shape]);
  const n = weights.size(-1);
  if (!replacement && count > n) throw argumentError(op, "count", `at most ${n} without replacement`, count);
  const { device } = weights;
  const wide = weights.dtype === "float64" ? "float64" : "float32";
  return noGrad(() => {
    const rows = weights.to(wide);
    if (!replacement) {
      // The first to arrive of exponential waiting times: each is drawn with its share of what is left.
      const waiting = rand(weights.shape, { ...drawing, dtype: wide, device })
        .neg()
        .log1p()
        .neg();
      return rows.div(waiting).topk(count).indices;
    }
    const reached = rows.cumsum(-1).unsqueeze(-2); // [..., 1, n]
    const total = reached.select(-1, n - 1).unsqueeze(-1); // [..., 1, 1]
    const shape = [...weights.shape.slice(0, -1), count, 1];
    const drawn = rand(shape, { ...drawing, dtype: wide, device }).mul(total);
    return reached
      .le(drawn)
      .sum(-1)
      .clamp(0, n - 1);
  });
}
