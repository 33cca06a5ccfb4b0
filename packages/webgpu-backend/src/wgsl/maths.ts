// exp, log and what is built on them, from additions, products and bits alone: WGSL promises too little of its own.
// Whatever is special is selected in the end, for branches divide threads that run side by side.
// The polynomials are those of the CPU backend: exp(x) = 2ⁿ exp(r) with |r| ≤ ln 2 / 2 and exp(r) = 1 + r + r² P(r);
// x = 2ᵉ m with m in [√½, √2), f = m − 1 and ln(1 + f) = f − f²/2 + f³ P(f).

import type { Helper } from "@torchium/tensor/backend";

/** Horner's rule in text: c0 + x (c1 + x (c2 + …)). */
export const polynomial = (x: string, coefficients: readonly number[]): string =>
  coefficients
    .slice(0, -1)
    .reduceRight((sum, c) => `fma(${sum}, ${x}, ${text(c)})`, text(coefficients[coefficients.length - 1]!));

const text = (value: number): string => `${Math.fround(value)}f`;

const expCoefficients = [0.49999994, 0.16666521, 0.041668266, 0.0083686775, 0.0013820734];
const logCoefficients = [
  0.3333333, -0.25000823, 0.20001249, -0.16623312, 0.1420132, -0.13160263, 0.12764411, -0.076375075,
];
// −ln(erfc(t)) / t on [0, 3.95]; the constant term, 2 / √π, is in two parts.
const erfSlopeHigh = 1.1283792;
const erfCoefficients = [
  -5.8635383e-8, 0.6366195, 0.10277686, -0.019149847, -0.00016589323, 0.0016722062, -0.00063554104, 0.00011837146,
  -9.3354902e-6,
];
// ln 2 in two parts: the product of the first with any exponent is exact.
const ln2High = 0.693359375;
const ln2Low = Math.LN2 - ln2High;

/** Helpers by name. */
export const mathHelpers = {
  // Of two that are as near, either will do; devices round to even in many steps.
  nearest: { source: "fn nearest(x: f32) -> f32 { return floor(x + 0.5f); }" },
  powerOfTwo: { source: "fn powerOfTwo(n: i32) -> f32 { return bitcast<f32>(u32(n + 127i) << 23u); }" },
  expm1Reduced: {
    source: `fn expm1Reduced(r: f32) -> f32 { return fma(${polynomial("r", expCoefficients)}, r * r, r); }`,
  },
  reduceExponent: {
    source: `fn reduceExponent(x: f32, n: f32) -> f32 { return fma(-n, ${text(ln2Low)}, fma(-n, ${text(ln2High)}, x)); }`,
  },
  // 2ⁿ in two factors: n spans more than a float's exponent does.
  expReduced: {
    source: `fn expReduced(n: i32, r: f32) -> f32 {
  let half = n >> 1u;
  return (1f + expm1Reduced(r)) * powerOfTwo(half) * powerOfTwo(n - half);
}`,
    needs: ["powerOfTwo", "expm1Reduced"],
  },
  floatExp: {
    source: `fn floatExp(x: f32) -> f32 {
  let clamped = clamp(x, -104f, 89f);
  let n = nearest(clamped * ${text(Math.LOG2E)});
  return select(expReduced(i32(n), reduceExponent(clamped, n)), x, isNan(x));
}`,
    needs: ["isNan", "nearest", "expReduced", "reduceExponent"],
  },
  // 2ⁿ⁻¹, doubled at the end: n reaches 128. Where n is 0, halves of small numbers would be lost.
  floatExpm1: {
    source: `fn floatExpm1(x: f32) -> f32 {
  let clamped = clamp(x, -25f, 89f);
  let n = nearest(clamped * ${text(Math.LOG2E)});
  let reduced = expm1Reduced(reduceExponent(clamped, n));
  let scale = powerOfTwo(i32(n) - 1i);
  return select(select(2f * fma(reduced, scale, scale - 0.5f), reduced, n == 0f), x, isNan(x));
}`,
    needs: ["isNan", "nearest", "powerOfTwo", "expm1Reduced", "reduceExponent"],
  },
  normalLog: {
    source: `fn normalLog(x: f32, correction: f32) -> f32 {
  let offset = bitcast<i32>(x) - 0x3f3504f3i;
  let exponent = f32(offset >> 23u) + correction;
  let f = bitcast<f32>((offset & 0x007fffffi) + 0x3f3504f3i) - 1f;
  let square = f * f;
  let tail = fma(square * f, ${polynomial("f", logCoefficients)}, exponent * ${text(ln2Low)});
  return fma(exponent, ${text(ln2High)}, f + fma(-0.5f, square, tail));
}`,
  },
  floatLog: {
    source: `fn floatLog(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let isSmall = bits < 0x00800000u;
  let y = normalLog(select(x, x * 33554432f, isSmall), select(0f, -25f, isSmall));
  let ofPositive = select(y, x, bits == 0x7f800000u);
  return select(select(ofPositive, quietNan(), bits > 0x7f800000u), -infinity(), (bits & 0x7fffffffu) == 0u);
}`,
    needs: ["infinity", "quietNan", "normalLog"],
  },
  // ln u plus what rounding u = 1 + x lost, divided by u.
  floatLog1p: {
    source: `fn floatLog1p(x: f32) -> f32 {
  let u = opaque(1f + x);
  let y = floatLog(u);
  let isUsual = bitcast<u32>(u) - 1u < 0x7f7fffffu;
  return select(y, y + (x - (u - 1f)) / u, isUsual);
}`,
    needs: ["opaque", "floatLog"],
  },
  withSign: {
    source: `fn withSign(magnitude: f32, x: f32) -> f32 {
  return bitcast<f32>((bitcast<u32>(magnitude) & 0x7fffffffu) | (bitcast<u32>(x) & 0x80000000u));
}`,
  },
  // tanh x = −m / (2 + m) with m = exp(−2|x|) − 1.
  floatTanh: {
    source: `fn floatTanh(x: f32) -> f32 {
  let m = floatExpm1(-2f * min(abs(x), 10f));
  return select(withSign(m / (2f + m), x), x, isNan(x));
}`,
    needs: ["isNan", "floatExpm1", "withSign"],
  },
  // erf x = 1 − exp(−t Q(t)) with t = |x| and t Q(t) = −ln erfc(t); from 3.95 on erf is 1.
  floatErf: {
    source: `fn floatErf(x: f32) -> f32 {
  let t = min(abs(x), 3.95f);
  let y = withSign(floatExpm1(fma(-t, ${polynomial("t", erfCoefficients)}, ${text(-erfSlopeHigh)} * t)), x);
  return select(y, x, isNan(x));
}`,
    needs: ["isNan", "floatExpm1", "withSign"],
  },
} as const satisfies Record<string, Helper>;
