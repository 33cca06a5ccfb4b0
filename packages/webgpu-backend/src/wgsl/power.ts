// pow with C's special cases. xʸ = exp(y ln |x|) with the logarithm and the product in pairs of floats (high, low),
// since the exponential turns their absolute error into a relative one.

import type { Helper } from "@torchium/tensor/backend";
import { polynomial } from "./maths.js";

const logCoefficients = [
  0.3333333, -0.25000823, 0.20001249, -0.16623312, 0.1420132, -0.13160263, 0.12764411, -0.076375075,
];

/** Helpers by name. */
export const powerHelpers = {
  // a + b exactly, for |a| ≥ |b| or a = 0.
  pairSum: {
    source: "fn pairSum(a: f32, b: f32) -> vec2<f32> { let s = opaque(a + b); return vec2<f32>(s, b - (s - a)); }",
    needs: ["opaque"],
  },
  // a · b exactly: halves of 12 bits, split by their bits, have exact products.
  pairProduct: {
    source: `fn pairProduct(a: f32, b: f32) -> vec2<f32> {
  let highA = bitcast<f32>(bitcast<u32>(a) & 0xfffff000u);
  let highB = bitcast<f32>(bitcast<u32>(b) & 0xfffff000u);
  let lowA = a - highA;
  let lowB = b - highB;
  let product = opaque(a * b);
  return vec2<f32>(product, ((highA * highB - product) + highA * lowB + lowA * highB) + lowA * lowB);
}`,
    needs: ["opaque"],
  },
  pairLog: {
    source: `fn pairLog(x: f32) -> vec2<f32> {
  let small = x < 1.1754943508222875e-38f;
  let offset = bitcast<i32>(select(x, x * 33554432f, small)) - 0x3f3504f3i;
  let exponent = f32(offset >> 23u) - select(0f, 25f, small);
  let f = bitcast<f32>((offset & 0x007fffffi) + 0x3f3504f3i) - 1f;
  let square = pairProduct(f, f);
  let tail = square.x * f * ${polynomial("f", logCoefficients)};
  let linear = pairSum(f, -0.5f * square.x);
  let whole = pairSum(exponent * 0.693359375f, linear.x);
  let nothing = exponent == 0f;
  let high = select(whole.x, linear.x, nothing);
  let lost = select(whole.y, 0f, nothing) + linear.y;
  return pairSum(high, lost - 0.5f * square.y + tail + exponent * -2.12194442e-4f);
}`,
    needs: ["pairSum", "pairProduct"],
  },
  positivePow: {
    source: `fn positivePow(x: f32, y: f32) -> f32 {
  let l = pairLog(x);
  let rough = y * l.x;
  if (rough > 100f) { return infinity(); }
  if (rough < -110f) { return 0f; }
  let product = pairProduct(y, l.x);
  let t = pairSum(product.x, product.y + y * l.y);
  let n = round(t.x * 1.442695f);
  return expReduced(i32(n), reduceExponent(t.x, n) + t.y);
}`,
    needs: ["infinity", "pairLog", "pairProduct", "pairSum", "expReduced", "reduceExponent"],
  },
  floatPow: {
    source: `fn floatPow(x: f32, y: f32) -> f32 {
  let bitsX = bitcast<u32>(x);
  let bitsY = bitcast<u32>(y);
  let base = bitsX & 0x7fffffffu;
  let power = bitsY & 0x7fffffffu;
  if (bitsX == 0x3f800000u || power == 0u) { return 1f; }
  if (base > 0x7f800000u || power > 0x7f800000u) { return quietNan(); }
  let negative = (bitsX >> 31u) != 0u;
  let falling = (bitsY >> 31u) != 0u;
  if (power == 0x7f800000u) {
    if (base == 0x3f800000u) { return 1f; }
    return select(0f, infinity(), (base > 0x3f800000u) != falling);
  }
  // From 2²⁴ on every float is an even integer.
  let whole = power >= 0x4b800000u || floor(y) == y;
  let odd = power < 0x4b800000u && whole && (i32(y) & 1i) != 0i;
  let sign = select(0u, 0x80000000u, negative && odd);
  if (base == 0u || base == 0x7f800000u) {
    return bitcast<f32>(select(0u, p[0].x, (base == 0u) == falling) | sign);
  }
  if (negative && !whole) { return quietNan(); }
  return bitcast<f32>(bitcast<u32>(positivePow(bitcast<f32>(base), y)) | sign);
}`,
    needs: ["quietNan", "infinity", "positivePow"],
  },
} as const satisfies Record<string, Helper>;
