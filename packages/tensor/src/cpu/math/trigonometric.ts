// sin and cos: x = k π/2 + r with |r| ≤ π/4, reduced in double precision; then a minimax polynomial in r²
// (relative error 2⁻²⁷) chosen and signed by k mod 4.

import { type FunctionBuilder, f32x4, i32x4, v128 } from "../wasm/assembler.js";
import { demote, lowWords, promote, roundProduct } from "./double.js";
import { each, type Group, polynomial } from "./group.js";

const sinCoefficients = [-0.16666655, 0.008332188, -0.00019518098];
const cosCoefficients = [0.041666646, -0.0013887311, 2.4432553e-5];

// π/2 in two parts; the first has 27 bits, so that its product with k is exact.
const halfPiHigh = Math.round((Math.PI / 2) * 2 ** 26) / 2 ** 26;
// π/2 − halfPiHigh to 53 bits: what Math.PI lacks is 6.123233995736766e-17 for π/2.
const halfPiLow = Math.PI / 2 - halfPiHigh + 6.123233995736766e-17;

// Largest |x| that is reduced; beyond it a float's neighbours are more than a period apart and the result is NaN.
const trigonometricLimit = 2 ** 26;

/** sin x for |x| ≤ 2²⁶, NaN beyond. */
export function emitSin(f: FunctionBuilder, x: Group): Group {
  return emitQuarter(f, x, 0);
}

/** cos x for |x| ≤ 2²⁶, NaN beyond. */
export function emitCos(f: FunctionBuilder, x: Group): Group {
  return emitQuarter(f, x, 1);
}

/** sin(x + quarters · π/2). */
function emitQuarter(f: FunctionBuilder, x: Group, quarters: 0 | 1): Group {
  const wide = promote(f, x);
  const { bits, n } = roundProduct(f, wide, 2 / Math.PI);
  const [high, low] = [f.constants.f64x2(halfPiHigh), f.constants.f64x2(halfPiLow)];
  const partial = each(f, (k, v) => f.nmadd64(k, high, v), n, wide);
  const r = demote(
    f,
    each(f, (k, v) => f.nmadd64(k, low, v), n, partial),
  );
  const words = lowWords(f, bits);
  const turn = quarters === 0 ? words : each(f, (w) => i32x4.add(w, f.constants.i32x4(quarters)), words);

  const square = each(f, (v) => f32x4.mul(v, v), r);
  const s = polynomial(f, square, sinCoefficients);
  const c = polynomial(f, square, cosCoefficients);
  const cube = each(f, (v, q) => f32x4.mul(v, q), r, square);
  const sin = each(f, (p, q, v) => f.madd(p, q, v), s, cube, r);
  const [half, one] = [f.constants.f32x4(0.5), f.constants.f32x4(1)];
  const start = each(f, (q) => f.nmadd(q, half, one), square);
  const fourth = each(f, (q) => f32x4.mul(q, q), square);
  const cos = each(f, (p, q, v) => f.madd(p, q, v), c, fourth, start);

  const odd = each(f, (t) => i32x4.shrS(i32x4.shl(t, 31), 31), turn);
  const value = each(f, (m, a, b) => v128.bitselect(a, b, m), odd, cos, sin);
  const two = f.constants.i32x4(2);
  const sign = each(f, (t) => i32x4.shl(v128.and(t, two), 30), turn);
  const signed = each(f, (v, t) => v128.xor(v, t), value, sign);
  const limit = f.constants.f32x4(trigonometricLimit);
  const outside = each(f, (v) => v128.not(f32x4.le(f32x4.abs(v), limit)), x);
  return each(f, (v, o) => v128.or(v, o), signed, outside);
}
