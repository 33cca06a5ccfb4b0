// Initialisation without regard to the shape: constants, uniform, normal and truncated normal values.

import { checkFinite, checkOptions, checkValue } from "../../arguments.js";
import { checkTensor } from "../../autograd/checks.js";
import { full } from "../../creation.js";
import { argumentError } from "../../errors.js";
import { evaluateScalar } from "../../kernel/scalar-ops.js";
import type { Generator } from "../../random.js";
import type { Tensor } from "../../tensor.js";
import { checkFloat } from "../checks.js";
import { like, normalValues, uniformValues } from "./values.js";

/** What random values are drawn from. */
export type DrawOptions = {
  /** The default generator unless given. */
  readonly generator?: Generator;
};

/** Overwrites a leaf with one value. Returns it. */
export function constant(t: Tensor, value: number): Tensor {
  checkTensor("init.constant", t, "the tensor");
  checkValue("init.constant", "the value", value);
  return t.assign(full(t.shape, value, { dtype: t.dtype, device: t.device }));
}

/** Overwrites a leaf with zeros. Returns it. */
export const zeros = (t: Tensor): Tensor => constant(t, 0);

/** Overwrites a leaf with ones. Returns it. */
export const ones = (t: Tensor): Tensor => constant(t, 1);

/** Overwrites a leaf with values uniform in [low, high). Returns it. @throws TensorError `argument`, `dtype` */
export function uniform(t: Tensor, low = 0, high = 1, options: DrawOptions = {}): Tensor {
  checkFloat("init.uniform", "the tensor", t);
  checkOptions("init.uniform", options, ["generator"]);
  checkFinite("init.uniform", "low", low);
  checkFinite("init.uniform", "high", high);
  if (!(low <= high)) throw argumentError("init.uniform", "bounds", "low, then high", `${low}, ${high}`);
  return t.assign(uniformValues(t.shape, low, high, like(t, options)));
}

/** Overwrites a leaf with normal values. Returns it. @throws TensorError `argument`, `dtype` */
export function normal(t: Tensor, mean = 0, std = 1, options: DrawOptions = {}): Tensor {
  checkFloat("init.normal", "the tensor", t);
  checkOptions("init.normal", options, ["generator"]);
  checkFinite("init.normal", "mean", mean);
  if (!(Number.isFinite(std) && std >= 0)) throw argumentError("init.normal", "std", "at least 0", std);
  return t.assign(normalValues(t.shape, mean, std, like(t, options)));
}

/** Options of `truncNormal`. */
export type TruncNormalOptions = DrawOptions & {
  readonly mean?: number;
  readonly std?: number;
  /** Lowest value; −2 unless given. */
  readonly low?: number;
  /** Highest value; 2 unless given. */
  readonly high?: number;
};

/**
 * Overwrites a leaf with normal values drawn between two bounds, by inverting the distribution function. Returns it.
 * @throws TensorError `argument`, `dtype`
 */
export function truncNormal(t: Tensor, options: TruncNormalOptions = {}): Tensor {
  checkFloat("init.truncNormal", "the tensor", t);
  checkOptions("init.truncNormal", options, ["mean", "std", "low", "high", "generator"]);
  const { mean = 0, std = 1, low = -2, high = 2 } = options;
  checkFinite("init.truncNormal", "mean", mean);
  checkFinite("init.truncNormal", "std", std);
  checkValue("init.truncNormal", "low", low);
  checkValue("init.truncNormal", "high", high);
  if (!(std > 0)) throw argumentError("init.truncNormal", "std", "above 0", std);
  if (!(low < high)) throw argumentError("init.truncNormal", "bounds", "low below high", `${low}, ${high}`);
  // erf of a standardised bound is 2Φ − 1, so a uniform draw between two of them inverts to a truncated normal.
  const edge = (x: number): number =>
    evaluateScalar("erf", "float64", "float64", (x - mean) / (std * Math.SQRT2), 0, 0);
  const u = uniformValues(t.shape, edge(low), edge(high), like(t, options));
  return t.assign(
    inverseErf(u)
      .mul(std * Math.SQRT2)
      .add(mean)
      .clamp(low, high),
  );
}

// Coefficients of w − 2.5 where w < 5, and of √w − 3 above, highest power first.
const central = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 2.1858087e-4, -1.25372503e-3, -4.17768164e-3,
  2.46640727e-1, 1.50140941,
];
const tail = [
  -2.00214257e-4, 1.00950558e-4, 1.34934322e-3, -3.67342844e-3, 5.73950773e-3, -7.6224613e-3, 9.43887047e-3, 1.00167406,
  2.83297682,
];

/** erf⁻¹(x) to float32's precision (M. Giles, Approximating the erfinv function, 2010). */
function inverseErf(x: Tensor): Tensor {
  const polynomial = (at: Tensor, [first, ...rest]: readonly number[]): Tensor =>
    rest.reduce((sum: Tensor, c) => sum.mul(at).add(c), at.mul(0).add(first!));
  const w = x.mul(-1).add(1).mul(x.add(1)).log().neg();
  const inner = polynomial(w.sub(2.5), central);
  const outer = polynomial(w.clamp(5).sqrt().sub(3), tail);
  return w.lt(5).where(inner, outer).mul(x);
}
