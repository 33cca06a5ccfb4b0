// exp, expm1 and what is built on expm1: tanh and erf.
// exp(x) = 2ⁿ exp(r) with n = round(x / ln 2) and |r| ≤ ln 2 / 2; exp(r) = 1 + r + r² P(r), P minimax of degree 4
// (relative error 2⁻²⁸).
// All of it runs on the two units that multiply and add, so what counts is the number of instructions there.

import { type FunctionBuilder, f32x4, i32x4, type Local, v128 } from "../wasm/assembler.js";
import { each, type Group, polynomial } from "./group.js";

const expCoefficients = [0.49999994, 0.16666521, 0.041668266, 0.0083686775, 0.0013820734];

// erf(x) / x = P(x²) / Q(x²) for |x| ≤ 3.92 (relative error 2⁻²⁵). All terms are positive, so nothing cancels.
const erfNumerator = [1.12837911, 0.190407023, 0.0527487993, 0.00376564148, 0.000284883572, 2.05008655e-6];
const erfDenominator = [1, 0.502076566, 0.114109345, 0.0149692651, 0.00116254203, 3.80917591e-5];

// Adding this puts the nearest integer into the low bits of the sum.
const roundingMagic = 1.5 * 2 ** 23;

// ln 2 in two parts: the product of the first with any n here is exact.
const ln2High = 0.693359375;
const ln2Low = Math.LN2 - ln2High;

const exponentBias = 127;

// Up to this size of x both eˣ and e⁻ˣ are normal numbers.
const normalLimit = 87.3;
// Rounds to n = −127.
const lowestNonPositive = -88;

/** `factor` · x = n ln 2 + `factor` · r, for powers of two: the bits whose low end is n + `bias`, and r. */
function reduce(f: FunctionBuilder, x: Group, bias: number, factor = 1): { readonly bits: Group; readonly r: Group } {
  const magic = f.constants.f32x4(roundingMagic + bias);
  const log2e = f.constants.f32x4(factor * Math.LOG2E);
  const [high, low] = [f.constants.f32x4(ln2High / factor), f.constants.f32x4(ln2Low / factor)];
  const bits = each(f, (v) => f.madd(v, log2e, magic), x);
  const n = each(f, (b) => f32x4.sub(b, magic), bits);
  const partial = each(f, (k, v) => f.nmadd(k, high, v), n, x);
  return { bits, r: each(f, (k, v) => f.nmadd(k, low, v), n, partial) };
}

/** (exp(`factor` · r) − 1) / `factor` for |`factor` · r| ≤ ln 2 / 2. */
function expm1Reduced(f: FunctionBuilder, r: Group, factor = 1): Group {
  const coefficients = expCoefficients.map((c, k) => c * factor ** (k + 1));
  const p = polynomial(f, r, coefficients);
  const square = each(f, (v) => f32x4.mul(v, v), r);
  return each(f, (a, b, v) => f.madd(a, b, v), p, square, r);
}

/** 2ⁿ from bits whose low end is n + `exponentBias`, −127 (which gives 0) ≤ n ≤ 127. */
function scaleOf(f: FunctionBuilder, bits: Group): Group {
  return each(f, (b) => i32x4.shl(b, 23), bits);
}

function powerOfTwo(f: FunctionBuilder, n: Group): Group {
  const bias = f.constants.i32x4(exponentBias);
  return scaleOf(
    f,
    each(f, (v) => i32x4.add(v, bias), n),
  );
}

/** exp(r) for |r| ≤ ln 2 / 2. */
const expOfReduced = (f: FunctionBuilder, r: Group): Group => polynomial(f, r, [1, 1, ...expCoefficients]);

/** 2ⁿ eʳ for |r| ≤ ln 2 / 2 and −150 ≤ n ≤ 128, n the low bits of `bits`. */
export function expReduced(f: FunctionBuilder, bits: Group, r: Group): Group {
  const value = expOfReduced(f, r);
  // Two factors: n spans more than a float's exponent does.
  const half = each(f, (b) => i32x4.shrS(b, 1), bits);
  const rest = each(f, (b, h) => i32x4.sub(b, h), bits, half);
  const partial = each(f, (v, s) => f32x4.mul(v, s), value, powerOfTwo(f, half));
  return each(f, (v, s) => f32x4.mul(v, s), partial, powerOfTwo(f, rest));
}

/** eˣ over the whole range, with the bits of `expNormal` where that is right. */
function expTwoFactors(f: FunctionBuilder, x: Group): Group {
  const [lowest, highest] = [f.constants.f32x4(-104), f.constants.f32x4(89)];
  // In this operand order both let NaN through.
  const above = each(f, (v) => f32x4.pmax(v, lowest), x);
  const clamped = each(f, (v) => f32x4.pmin(v, highest), above);
  const { bits, r } = reduce(f, clamped, 0);
  const magic = f.constants.f32x4(roundingMagic);
  return expReduced(
    f,
    each(f, (b) => i32x4.sub(b, magic), bits),
    r,
  );
}

/** eˣ where that is a normal number: n goes into the exponent's bits, by an addition of integers. */
function expNormal(f: FunctionBuilder, x: Group): Group {
  const { bits, r } = reduce(f, x, 0);
  const exponents = each(f, (b) => i32x4.shl(b, 23), bits);
  return each(f, (v, e) => i32x4.add(v, e), expOfReduced(f, r), exponents);
}

/** eˣ over the whole range: denormal results are gradual, overflow gives ∞, NaN stays NaN. */
export function emitExp(f: FunctionBuilder, x: Group): Group {
  const magnitude = f.constants.i32x4(0x7fffffff);
  // Bits of floats without sign are in the order of their values, with NaN at the end.
  const largest = each(f, (v) => v128.and(v, magnitude), x).reduce((a, b) => f.local("v128", i32x4.maxS(a, b)));
  const result = each(f, (v) => v, expNormal(f, x));
  f.if(v128.anyTrue(i32x4.gtS(largest, f.constants.f32x4(normalLimit))), () => {
    expTwoFactors(f, x).forEach((v, i) => {
      f.set(result[i] as Local<"v128">, v);
    });
  });
  return result;
}

/** eˣ where −127.5 ln 2 < x < 127.5 ln 2; what is below the normal range may become 0. */
function expOneFactor(f: FunctionBuilder, x: Group): Group {
  const { bits, r } = reduce(f, x, exponentBias);
  return each(f, (q, s) => f.madd(q, s, s), expm1Reduced(f, r), scaleOf(f, bits));
}

/** eˣ for x ≤ 0 or NaN; what is below the normal range may become 0. */
export function emitExpNonPositive(f: FunctionBuilder, x: Group): Group {
  const lowest = f.constants.f32x4(lowestNonPositive);
  return expOneFactor(
    f,
    each(f, (v) => f32x4.pmax(v, lowest), x),
  );
}

/**
 * 1 − e⁻²ˣ for 0 ≤ x < 52, accurate near 0. Everything is counted in −2: x = −n ln 2 / 2 + r, with the coefficients and the power
 * of two multiplied accordingly, which changes no digit.
 */
function complementOfExp(f: FunctionBuilder, x: Group): Group {
  // The low end of the bits is n + 1 + the bias, and the sign bit: −2 · 2ⁿ once they are shifted.
  const { bits, r } = reduce(f, x, 0x100 + 1 + exponentBias, -2);
  const [half, one] = [f.constants.f32x4(0.5), f.constants.f32x4(1)];
  const scale = scaleOf(f, bits);
  const offset = each(f, (s) => f.madd(s, half, one), scale);
  return each(f, (q, s, o) => f.nmadd(q, s, o), expm1Reduced(f, r, -2), scale, offset);
}

/** eˣ − 1, accurate near 0. */
export function emitExpm1(f: FunctionBuilder, x: Group): Group {
  const [lowest, highest] = [f.constants.f32x4(-25), f.constants.f32x4(89)];
  const [half, two] = [f.constants.f32x4(0.5), f.constants.f32x4(2)];
  const above = each(f, (v) => f32x4.pmax(v, lowest), x);
  const clamped = each(f, (v) => f32x4.pmin(v, highest), above);
  // 2ⁿ⁻¹, doubled at the end: n reaches 128.
  const { bits, r } = reduce(f, clamped, exponentBias - 1);
  const scale = scaleOf(f, bits);
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

/** tanh(x) = m / (2 − m) with m = 1 − exp(−2|x|), and the sign of x. */
export function emitTanh(f: FunctionBuilder, x: Group): Group {
  const [limit, two] = [f.constants.f32x4(10), f.constants.f32x4(2)];
  const magnitude = each(f, (v) => f32x4.abs(v), x);
  const m = complementOfExp(
    f,
    each(f, (v) => f32x4.pmin(v, limit), magnitude),
  );
  const denominator = each(f, (v) => f32x4.sub(two, v), m);
  return withSign(
    f,
    each(f, (v, d) => f32x4.div(v, d), m, denominator),
    x,
  );
}

/** erf(x) = x P(x²) / Q(x²), from |x| = 3.92 on ±1. */
export function emitErf(f: FunctionBuilder, x: Group): Group {
  const between = (v: Group, limit: number): Group => {
    const [low, high] = [f.constants.f32x4(-limit), f.constants.f32x4(limit)];
    // In this operand order both let NaN through.
    const above = each(f, (a) => f32x4.pmax(a, low), v);
    return each(f, (a) => f32x4.pmin(a, high), above);
  };
  const t = between(x, 3.92);
  const square = each(f, (v) => f32x4.mul(v, v), t);
  const p = polynomial(f, square, erfNumerator);
  const q = polynomial(f, square, erfDenominator);
  const top = each(f, (v, a) => f32x4.mul(v, a), t, p);
  return between(
    each(f, (a, b) => f32x4.div(a, b), top, q),
    1,
  );
}
