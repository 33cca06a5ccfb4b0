// exp, expm1 and what is built on expm1: tanh and erf.
// exp(x) = 2ⁿ exp(r) with n = round(x / ln 2) and |r| ≤ ln 2 / 2; exp(r) = 1 + r + r² P(r), P minimax of degree 4
// (relative error 2⁻²⁸).

import { type FunctionBuilder, f32x4, i32x4, v128 } from "../wasm/assembler.js";
import { each, type Group, polynomial } from "./group.js";

const expCoefficients = [0.49999994, 0.16666521, 0.041668266, 0.0083686775, 0.0013820734];

// −ln(erfc(t)) / t on [0, 3.95], weighted for the relative error of erf (2⁻²⁷). The constant term, 2 / √π, is in two parts.
const erfSlopeHigh = 1.1283792;
const erfCoefficients = [
  -5.8635383e-8, 0.6366195, 0.10277686, -0.019149847, -0.00016589323, 0.0016722062, -0.00063554104, 0.00011837146,
  -9.3354902e-6,
];

// Adding this puts the nearest integer into the low bits of the sum.
const roundingMagic = 1.5 * 2 ** 23;

// ln 2 in two parts: the product of the first with any n here is exact.
const ln2High = 0.693359375;
const ln2Low = Math.LN2 - ln2High;

const exponentBias = 127 << 23;

/** x = n ln 2 + r: the bits whose low end is n, and r. */
function reduce(f: FunctionBuilder, x: Group): { readonly bits: Group; readonly r: Group } {
  const magic = f.constants.f32x4(roundingMagic);
  const log2e = f.constants.f32x4(Math.LOG2E);
  const [high, low] = [f.constants.f32x4(ln2High), f.constants.f32x4(ln2Low)];
  const bits = each(f, (v) => f.madd(v, log2e, magic), x);
  const n = each(f, (b) => f32x4.sub(b, magic), bits);
  const partial = each(f, (k, v) => f.nmadd(k, high, v), n, x);
  return { bits, r: each(f, (k, v) => f.nmadd(k, low, v), n, partial) };
}

/** exp(r) − 1 for |r| ≤ ln 2 / 2. */
function expm1Reduced(f: FunctionBuilder, r: Group): Group {
  const p = polynomial(f, r, expCoefficients);
  const square = each(f, (v) => f32x4.mul(v, v), r);
  return each(f, (a, b, v) => f.madd(a, b, v), p, square, r);
}

function powerOfTwo(f: FunctionBuilder, n: Group): Group {
  const bias = f.constants.i32x4(exponentBias);
  return each(
    f,
    (v) => i32x4.add(v, bias),
    each(f, (v) => i32x4.shl(v, 23), n),
  );
}

/** 2ⁿ eʳ for |r| ≤ ln 2 / 2 and −150 ≤ n ≤ 128, n the low bits of `bits`. */
export function expReduced(f: FunctionBuilder, bits: Group, r: Group): Group {
  const one = f.constants.f32x4(1);
  const value = each(f, (v) => f32x4.add(v, one), expm1Reduced(f, r));
  // Two factors: n spans more than a float's exponent does.
  const half = each(f, (b) => i32x4.shrS(b, 1), bits);
  const rest = each(f, (b, h) => i32x4.sub(b, h), bits, half);
  const partial = each(f, (v, s) => f32x4.mul(v, s), value, powerOfTwo(f, half));
  return each(f, (v, s) => f32x4.mul(v, s), partial, powerOfTwo(f, rest));
}

/** eˣ over the whole range: denormal results are gradual, overflow gives ∞, NaN stays NaN. */
export function emitExp(f: FunctionBuilder, x: Group): Group {
  const [lowest, highest] = [f.constants.f32x4(-104), f.constants.f32x4(89)];
  // In this operand order both let NaN through.
  const above = each(f, (v) => f32x4.pmax(v, lowest), x);
  const clamped = each(f, (v) => f32x4.pmin(v, highest), above);
  const { bits, r } = reduce(f, clamped);
  return expReduced(f, bits, r);
}

/** eˣ − 1 for −104 < x ≤ 0, accurate near 0. */
function expm1NonPositive(f: FunctionBuilder, x: Group): Group {
  const one = f.constants.f32x4(1);
  const { bits, r } = reduce(f, x);
  const scale = powerOfTwo(f, bits);
  const offset = each(f, (s) => f32x4.sub(s, one), scale);
  return each(f, (q, s, o) => f.madd(q, s, o), expm1Reduced(f, r), scale, offset);
}

/** eˣ − 1, accurate near 0. */
export function emitExpm1(f: FunctionBuilder, x: Group): Group {
  const [lowest, highest] = [f.constants.f32x4(-25), f.constants.f32x4(89)];
  const [half, two] = [f.constants.f32x4(0.5), f.constants.f32x4(2)];
  const minusOne = f.constants.i32x4(-1);
  const above = each(f, (v) => f32x4.pmax(v, lowest), x);
  const clamped = each(f, (v) => f32x4.pmin(v, highest), above);
  const { bits, r } = reduce(f, clamped);
  // 2ⁿ⁻¹, doubled at the end: n reaches 128.
  const scale = powerOfTwo(
    f,
    each(f, (b) => i32x4.add(b, minusOne), bits),
  );
  const offset = each(f, (s) => f32x4.sub(s, half), scale);
  const value = each(f, (q, s, o) => f.madd(q, s, o), expm1Reduced(f, r), scale, offset);
  return each(f, (v) => f32x4.mul(v, two), value);
}

/** `magnitude` with the sign of `x`; the sign bit of `magnitude` must be 0. */
function withSign(f: FunctionBuilder, magnitude: Group, x: Group): Group {
  const signBit = f.constants.i32x4(0x80000000);
  const sign = each(f, (v) => v128.and(v, signBit), x);
  return each(f, (m, s) => v128.or(m, s), magnitude, sign);
}

/** tanh(x) = −m / (2 + m) with m = exp(−2|x|) − 1, and the sign of x. */
export function emitTanh(f: FunctionBuilder, x: Group): Group {
  const [limit, minusTwo, two] = [f.constants.f32x4(10), f.constants.f32x4(-2), f.constants.f32x4(2)];
  const magnitude = each(f, (v) => f32x4.abs(v), x);
  const clamped = each(f, (v) => f32x4.pmin(v, limit), magnitude);
  const m = expm1NonPositive(
    f,
    each(f, (v) => f32x4.mul(v, minusTwo), clamped),
  );
  const denominator = each(f, (v) => f32x4.add(v, two), m);
  const quotient = each(f, (v, d) => f32x4.div(v, d), m, denominator);
  return withSign(
    f,
    each(f, (v) => f32x4.abs(v), quotient),
    x,
  );
}

/** erf(x) = −(exp(−t Q(t)) − 1) with t = |x| and t Q(t) = −ln erfc(t), and the sign of x. */
export function emitErf(f: FunctionBuilder, x: Group): Group {
  // From here on erf is 1 in single precision.
  const limit = f.constants.f32x4(3.95);
  const magnitude = each(f, (v) => f32x4.abs(v), x);
  const t = each(f, (v) => f32x4.pmin(v, limit), magnitude);
  const q = polynomial(f, t, erfCoefficients);
  const slope = f.constants.f32x4(-erfSlopeHigh);
  const first = each(f, (v) => f32x4.mul(v, slope), t);
  const exponent = each(f, (a, b, c) => f.nmadd(a, b, c), q, t, first);
  const m = expm1NonPositive(f, exponent);
  return withSign(
    f,
    each(f, (v) => f32x4.abs(v), m),
    x,
  );
}
