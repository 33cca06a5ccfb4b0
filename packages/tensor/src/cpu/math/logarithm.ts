// log and log1p. x = 2ᵉ m with m in [√½, √2), f = m − 1; ln(1 + f) = f − f²/2 + f³ P(f), P minimax of degree 7
// (relative error 2⁻²⁷). Zero, negative, infinite, NaN and denormal inputs take a branch that is rarely entered.

import { type FunctionBuilder, f32x4, i32x4, type Local, v128 } from "../wasm/assembler.js";
import { each, type Group, polynomial } from "./group.js";

const logCoefficients = [
  0.3333333, -0.25000823, 0.20001249, -0.16623312, 0.1420132, -0.13160263, 0.12764411, -0.076375075,
];

const ln2High = 0.693359375;
const ln2Low = Math.LN2 - ln2High;

const smallestNormal = 2 ** -126;
const smallestNormalBits = 0x00800000;
const infinityBits = 0x7f800000;
const sqrtHalfBits = 0x3f3504f3;
const denormalShift = 25;

/** ln x; ln 0 = −∞, NaN for negative numbers. */
export function emitLog(f: FunctionBuilder, x: Group): Group {
  // As signed integers, what is usual lies between these two.
  const [least, most] = [f.constants.i32x4(smallestNormalBits), f.constants.i32x4(infinityBits - 1)];
  const all = (join: typeof i32x4.minS) => x.reduce((a, b) => f.local("v128", join(a, b)));
  const unusual = f.local(
    "i32",
    v128.anyTrue(v128.or(i32x4.gtS(least, all(i32x4.minS)), i32x4.gtS(all(i32x4.maxS), most))),
  );
  const zero = f.constants.f32x4(0);

  // Denormals are scaled into the normal range first.
  const scaled = each(f, (v) => v, x);
  const correction = each(f, () => zero, x);
  f.if(unusual, () => {
    const [limit, factor] = [f.constants.f32x4(smallestNormal), f.constants.f32x4(2 ** denormalShift)];
    x.forEach((v, i) => {
      const small = f.local("v128", f32x4.lt(v, limit));
      f.set(scaled[i] as Local<"v128">, v128.bitselect(f32x4.mul(v, factor), v, small));
      f.set(correction[i] as Local<"v128">, v128.and(small, f.constants.f32x4(-denormalShift)));
    });
  });

  const result = each(f, (v) => v, logNormal(f, scaled, correction));

  f.if(unusual, () => {
    const [infinity, nan] = [f.constants.f32x4(Number.POSITIVE_INFINITY), f.constants.f32x4(Number.NaN)];
    x.forEach((v, i) => {
      const y = result[i] as Local<"v128">;
      f.set(y, v128.bitselect(y, v, f32x4.lt(v, infinity)));
      f.set(y, v128.bitselect(nan, y, f32x4.lt(v, zero)));
      f.set(y, v128.bitselect(f32x4.neg(infinity), y, f32x4.eq(v, zero)));
    });
  });
  return result;
}

/** ln x + correction · ln 2 for positive normal x. */
function logNormal(f: FunctionBuilder, x: Group, correction: Group): Group {
  const one = f.constants.f32x4(1);
  const base = f.constants.i32x4(sqrtHalfBits);
  const offset = each(f, (v) => i32x4.sub(v, base), x);
  const whole = each(f, (v) => i32x4.shrS(v, 23), offset);
  const exponent = each(f, (k, c) => f32x4.add(f32x4.convertI32x4S(k), c), whole, correction);
  const mantissaBits = each(f, (v) => v128.and(v, f.constants.i32x4(0x007fffff)), offset);
  const mantissa = each(f, (v) => i32x4.add(v, base), mantissaBits);
  const fraction = each(f, (m) => f32x4.sub(m, one), mantissa);
  const p = polynomial(f, fraction, logCoefficients);
  const square = each(f, (v) => f32x4.mul(v, v), fraction);
  const cube = each(f, (s, v) => f32x4.mul(s, v), square, fraction);
  // From the smallest term to the largest.
  const low = each(f, (k) => f32x4.mul(k, f.constants.f32x4(ln2Low)), exponent);
  const tail = each(f, (a, b, c) => f.madd(a, b, c), cube, p, low);
  const half = f.constants.f32x4(0.5);
  const rest = each(f, (s, t) => f.nmadd(s, half, t), square, tail);
  const sum = each(f, (v, t) => f32x4.add(v, t), fraction, rest);
  return each(f, (k, s) => f.madd(k, f.constants.f32x4(ln2High), s), exponent, sum);
}

/** ln(1 + x), accurate near 0: ln u plus what rounding u = 1 + x lost, divided by u. */
export function emitLog1p(f: FunctionBuilder, x: Group): Group {
  const one = f.constants.f32x4(1);
  const u = each(f, (v) => f32x4.add(v, one), x);
  const kept = each(f, (v) => f32x4.sub(v, one), u);
  const lost = each(f, (v, k) => f32x4.sub(v, k), x, kept);
  const quotient = each(f, (l, v) => f32x4.div(l, v), lost, u);
  // At u = 0 and u = ∞ the quotient is NaN and there is nothing to correct.
  const correction = each(f, (q) => v128.and(q, f32x4.eq(q, q)), quotient);
  return each(f, (y, c) => f32x4.add(y, c), emitLog(f, u), correction);
}
