// Powers: pow with C's special cases, and 1/√x.
// xʸ = exp(y ln|x|) with the logarithm and the product in double precision, since the exponential turns their absolute
// error into a relative one; ln m = 2 artanh((m − 1) / (m + 1)) by its Taylor series (error 2⁻⁴⁵ on [√½, √2)).

import { type FunctionBuilder, f32x4, f64x2, i64x2, type Local, v128 } from "../wasm/assembler.js";
import { demote, lowWords, promote, roundProduct } from "./double.js";
import { expReduced } from "./exponential.js";
import { anyTrue, each, type Group } from "./group.js";

const artanhTerms = [3, 5, 7, 9, 11, 13, 15].map((k) => 2 / k);

const sqrtHalfBits = 0x3fe6a09e667f3bcdn;
const exponentBias = 1023n;

/** 1 / √x. */
export function emitRsqrt(f: FunctionBuilder, x: Group): Group {
  const one = f.constants.f32x4(1);
  const root = each(f, (v) => f32x4.sqrt(v), x);
  return each(f, (v) => f32x4.div(one, v), root);
}

/** ln x in double precision for finite normal x > 0. */
function logDouble(f: FunctionBuilder, x: Group): Group {
  const biased = each(
    f,
    (v) => i64x2.shrU(i64x2.sub(v, f.constants.i64x2(sqrtHalfBits - (exponentBias << 52n))), 52),
    x,
  );
  const scale = each(f, (b) => i64x2.shl(b, 52), biased);
  const m = each(f, (v, s) => i64x2.add(i64x2.sub(v, s), f.constants.i64x2(exponentBias << 52n)), x, scale);
  // An integer below 2⁵² becomes a float by planting it into the mantissa of 2⁵².
  const planted = each(f, (b) => v128.or(b, f.constants.f64x2(2 ** 52)), biased);
  const exponent = each(f, (v) => f64x2.sub(v, f.constants.f64x2(2 ** 52 + Number(exponentBias))), planted);
  const one = f.constants.f64x2(1);
  const s = each(f, (v) => f64x2.div(f64x2.sub(v, one), f64x2.add(v, one)), m);
  const z = each(f, (v) => f64x2.mul(v, v), s);
  const first = artanhTerms.slice(0, -1);
  const last: Group = z.map(() => f.constants.f64x2(artanhTerms.at(-1) as number));
  const q = first.reduceRight<Group>((sum, c) => each(f, (t, v) => f.madd64(t, v, f.constants.f64x2(c)), sum, z), last);
  const tail = each(f, (a, b) => f.madd64(a, b, f.constants.f64x2(2)), q, z);
  const logM = each(f, (a, b) => f64x2.mul(a, b), tail, s);
  return each(f, (k, v) => f.madd64(k, f.constants.f64x2(Math.LN2), v), exponent, logM);
}

/** exp t of double precision t, in single precision. */
function expDouble(f: FunctionBuilder, t: Group): Group {
  const [lowest, highest] = [f.constants.f64x2(-110), f.constants.f64x2(100)];
  const above = each(f, (v) => f64x2.pmax(v, lowest), t);
  const clamped = each(f, (v) => f64x2.pmin(v, highest), above);
  const { bits, n } = roundProduct(f, clamped, Math.LOG2E);
  const r = each(f, (k, v) => f.nmadd64(k, f.constants.f64x2(Math.LN2), v), n, clamped);
  return expReduced(f, lowWords(f, bits), demote(f, r));
}

/** xʸ with the special cases of C: x⁰ = 1ʸ = 1, even for NaN; negative x only to integer powers; signed zeros and infinities. */
export function emitPow(f: FunctionBuilder, x: Group, y: Group): Group {
  const [zero, infinity] = [f.constants.f32x4(0), f.constants.f32x4(Number.POSITIVE_INFINITY)];
  const base = each(f, (v) => f32x4.abs(v), x);
  const logarithm = logDouble(f, promote(f, base));
  const product = each(f, (l, v) => f64x2.mul(l, v), logarithm, promote(f, y));
  const result = each(f, (v) => v, expDouble(f, product));
  const usual = each(f, (v) => v128.and(f32x4.gt(v, zero), f32x4.lt(v, infinity)), x);
  const finite = each(f, (v) => f32x4.lt(f32x4.abs(v), infinity), y);
  const unusual = each(f, (a, b) => v128.not(v128.and(a, b)), usual, finite);
  f.if(anyTrue(unusual), () => {
    const pick = (mask: Group, yes: Group | Local<"v128">, no: Group) =>
      each(f, (m, a, b) => v128.bitselect(a, b, m), mask, "type" in yes ? no.map(() => yes) : yes, no);
    const [one, nan] = [f.constants.f32x4(1), f.constants.f32x4(Number.NaN)];
    const signBit = f.constants.i32x4(0x80000000);
    const yNegative = each(f, (v) => f32x4.lt(v, zero), y);
    const baseZero = each(f, (v) => f32x4.eq(v, zero), base);
    const baseInfinite = each(f, (v) => f32x4.eq(v, infinity), base);
    const integer = each(f, (v) => f32x4.eq(f32x4.nearest(v), v), y);
    const halfInteger = each(
      f,
      (v) => f32x4.ne(f32x4.floor(f32x4.mul(v, f.constants.f32x4(0.5))), f32x4.mul(v, f.constants.f32x4(0.5))),
      y,
    );
    const odd = each(f, (a, b) => v128.and(a, b), integer, halfInteger);

    // 0 and ∞ as bases: which of the two results they give depends on the sign of y alone.
    const grows = each(f, (z, n) => v128.not(v128.xor(z, n)), baseZero, yNegative);
    const extreme = each(f, (g) => v128.and(g, infinity), grows);
    const either = each(f, (a, b) => v128.or(a, b), baseZero, baseInfinite);
    let value = pick(either, extreme, result);
    // |x| = 1: ln is 0, and 0 · ∞ would be NaN.
    value = pick(
      each(f, (b, v) => v128.and(f32x4.eq(b, one), f32x4.eq(v, v)), base, y),
      one,
      value,
    );
    const flip = each(f, (v, o) => v128.and(v128.and(v, signBit), o), x, odd);
    value = each(f, (v, s) => v128.xor(v, s), value, flip);
    const noRoot = each(f, (v, i, e) => v128.andnot(f32x4.lt(v, zero), v128.or(i, e)), x, integer, either);
    const notANumber = each(f, (v, w) => v128.or(f32x4.ne(v, v), f32x4.ne(w, w)), x, y);
    value = pick(
      each(f, (a, b) => v128.or(a, b), noRoot, notANumber),
      nan,
      value,
    );
    value = pick(
      each(f, (v, w) => v128.or(f32x4.eq(v, one), f32x4.eq(w, zero)), x, y),
      one,
      value,
    );
    value.forEach((v, i) => {
      f.set(result[i] as Local<"v128">, v);
    });
  });
  return result;
}
