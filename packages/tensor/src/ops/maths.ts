// Elementary functions and activations.

import * as s from "../kernel/scalar.js";
import { binary, unary } from "./declare.js";

const positive = [[0.1, 4]] as const;

export const exp = unary("exp", {
  doc: "`e^x`.",
  types: "float",
  body: (x) => s.exp(x),
  cases: [{ of: [[0, 1]], gives: [1, Math.E] }],
});
export const log = unary("log", {
  doc: "`ln x`.",
  types: "float",
  domain: positive,
  body: (x) => s.log(x),
  cases: [{ of: [[1, Math.E]], gives: [0, 1] }],
});
export const log2 = unary("log2", {
  doc: "`log₂ x`.",
  types: "float",
  domain: positive,
  body: (x) => s.mul(Math.LOG2E, s.log(x)),
  cases: [{ of: [[1, 8]], gives: [0, 3] }],
});
export const log1p = unary("log1p", {
  doc: "`ln(1 + x)`, exact near 0.",
  types: "float",
  domain: [[-0.5, 2]],
  body: (x) => s.log1p(x),
  cases: [{ of: [[0]], gives: [0] }],
});
export const expm1 = unary("expm1", {
  doc: "`e^x − 1`, exact near 0.",
  types: "float",
  body: (x) => s.expm1(x),
  cases: [{ of: [[0]], gives: [0] }],
});
export const sqrt = unary("sqrt", {
  doc: "`√x`.",
  types: "float",
  domain: positive,
  body: (x) => s.sqrt(x),
  cases: [{ of: [[4, 9]], gives: [2, 3] }],
});
export const rsqrt = unary("rsqrt", {
  doc: "`1/√x`.",
  types: "float",
  domain: positive,
  body: (x) => s.rsqrt(x),
  cases: [{ of: [[4, 0.25]], gives: [0.5, 2] }],
});
export const square = unary("square", {
  doc: "`x²`.",
  body: (x) => s.square(x),
  cases: [{ of: [[3, -2]], gives: [9, 4] }],
});
export const reciprocal = unary("reciprocal", {
  doc: "`1/x`.",
  types: "float",
  domain: [[0.5, 3]],
  body: (x) => s.div(1, x),
  cases: [{ of: [[2, 4]], gives: [0.5, 0.25] }],
});
export const abs = unary("abs", {
  doc: "`|x|`; gradient 0 at 0.",
  body: (x) => s.abs(x),
  cases: [{ of: [[-2, 3]], gives: [2, 3] }],
});
export const sign = unary("sign", {
  doc: "−1, 0 or 1.",
  body: (x) => s.sign(s.detach(x)),
  cases: [{ of: [[-2, 0, 3]], gives: [-1, 0, 1] }],
});
export const sin = unary("sin", {
  doc: "`sin x`, x in radians.",
  types: "float",
  body: (x) => s.sin(x),
  cases: [{ of: [[0, Math.PI / 2]], gives: [0, 1] }],
});
export const cos = unary("cos", {
  doc: "`cos x`, x in radians.",
  types: "float",
  body: (x) => s.cos(x),
  cases: [{ of: [[0]], gives: [1] }],
});
export const floor = unary("floor", {
  doc: "The largest integer not above x; gradient 0.",
  types: "float",
  domain: [[0.1, 0.9]],
  body: (x) => s.floor(x),
  cases: [{ of: [[1.5, -1.5]], gives: [1, -2] }],
});
export const ceil = unary("ceil", {
  doc: "The smallest integer not below x; gradient 0.",
  types: "float",
  domain: [[0.1, 0.9]],
  body: (x) => s.ceil(x),
  cases: [{ of: [[1.5, -1.5]], gives: [2, -1] }],
});
export const round = unary("round", {
  doc: "The nearest integer, halves to even; gradient 0.",
  types: "float",
  domain: [[0.1, 0.4]],
  body: (x) => s.round(x),
  cases: [{ of: [[0.5, 1.5, 2.4]], gives: [0, 2, 2] }],
});
export const trunc = unary("trunc", {
  doc: "x without its fraction; gradient 0.",
  types: "float",
  domain: [[0.1, 0.9]],
  body: (x) => s.trunc(x),
  cases: [{ of: [[1.5, -1.5]], gives: [1, -1] }],
});
export const erf = unary("erf", {
  doc: "Error function `2/√π ∫₀ˣ e^(−t²) dt`.",
  types: "float",
  body: (x) => s.erf(x),
  cases: [{ of: [[0, 1]], gives: [0, 0.8427007929] }],
});
export const tanh = unary("tanh", {
  doc: "Hyperbolic tangent.",
  types: "float",
  body: (x) => s.tanh(x),
  cases: [{ of: [[0, 1]], gives: [0, 0.761594156] }],
});
export const sigmoid = unary("sigmoid", {
  doc: "`1 / (1 + e^−x)`.",
  types: "float",
  body: (x) => s.sigmoid(x),
  cases: [{ of: [[0, 2]], gives: [0.5, 0.880797078] }],
});
export const logSigmoid = unary("logSigmoid", {
  doc: "`ln σ(x) = min(x, 0) − ln(1 + e^−|x|)`, without overflow.",
  types: "float",
  body: (x) => s.sub(s.min(x, 0), s.log1p(s.exp(s.neg(s.abs(x))))),
  cases: [{ of: [[0, -100]], gives: [-Math.LN2, -100] }],
});
export const softplus = unary("softplus", {
  doc: "`ln(1 + e^x) = max(x, 0) + ln(1 + e^−|x|)`, without overflow.",
  types: "float",
  body: (x) => s.add(s.max(x, 0), s.log1p(s.exp(s.neg(s.abs(x))))),
  cases: [{ of: [[0, 100]], gives: [Math.LN2, 100] }],
});
export const relu = unary("relu", {
  doc: "`max(x, 0)`; gradient 0 at 0; NaN stays NaN.",
  body: (x) => s.select(s.le(x, 0), 0, x),
  cases: [{ of: [[-1, 0, 2]], gives: [0, 0, 2] }],
});
export const leakyRelu = binary("leakyRelu", {
  doc: "x where x > 0, else slope·x.",
  types: "float",
  domain: [
    [-2, 2],
    [0.1, 0.2],
  ],
  body: (x, slope) => s.select(s.gt(x, 0), x, s.mul(slope, x)),
  cases: [{ of: [[-1, 2], 0.1], gives: [-0.1, 2] }],
});
export const gelu = unary("gelu", {
  doc: "Gaussian error linear unit `x Φ(x) = ½x(1 + erf(x/√2))` (Hendrycks & Gimpel, arXiv 1606.08415).",
  types: "float",
  body: (x) => s.mul(s.mul(0.5, x), s.add(1, s.erf(s.mul(Math.SQRT1_2, x)))),
  cases: [{ of: [[-1, 0, 1]], gives: [-0.1586552539, 0, 0.8413447461] }],
});
export const geluTanh = unary("geluTanh", {
  doc: "GELU's tanh form `½x(1 + tanh(√(2/π)(x + 0.044715x³)))`.",
  types: "float",
  body: (x) =>
    s.mul(
      s.mul(0.5, x),
      s.add(1, s.tanh(s.mul(Math.sqrt(2 / Math.PI), s.add(x, s.mul(0.044715, s.mul(x, s.mul(x, x))))))),
    ),
  cases: [{ of: [[-1, 0, 1]], gives: [-0.1588080094, 0, 0.8411919906] }],
});
export const silu = unary("silu", {
  doc: "`x σ(x)`.",
  types: "float",
  body: (x) => s.mul(x, s.sigmoid(x)),
  cases: [{ of: [[0, 1]], gives: [0, 0.7310585786] }],
});
