// Helper functions whose meaning is in the bits: NaN, saturation, integer division, the high word of a product.

import type { Helper } from "@torchium/tensor/backend";

/** Helpers by name. */
export const bitHelpers = {
  isNan: { source: "fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }" },
  eitherNan: {
    source: "fn eitherNan(a: f32, b: f32) -> bool { return isNan(a) | isNan(b); }",
    needs: ["isNan"],
  },
  // The value unchanged. The first word of the parameters holds the bits of infinity, which no compiler knows, so none
  // can take (1 + x) − 1 for x, x − x for 0, or x · 0 for 0.
  opaque: {
    source: "fn opaque(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) ^ (p[0].x ^ 0x7f800000u)); }",
  },
  quietNan: { source: "fn quietNan() -> f32 { return bitcast<f32>(p[0].x | 0x400000u); }" },
  infinity: { source: "fn infinity() -> f32 { return bitcast<f32>(p[0].x); }" },
  floatEqual: {
    source: "fn floatEqual(a: f32, b: f32) -> bool { return (a == b) & !eitherNan(a, b); }",
    needs: ["eitherNan"],
  },
  floatLess: {
    source: "fn floatLess(a: f32, b: f32) -> bool { return (a < b) & !eitherNan(a, b); }",
    needs: ["eitherNan"],
  },
  floatLessEqual: {
    source: "fn floatLessEqual(a: f32, b: f32) -> bool { return (a <= b) & !eitherNan(a, b); }",
    needs: ["eitherNan"],
  },
  floatMin: {
    source: "fn floatMin(a: f32, b: f32) -> f32 { return select(select(min(a, b), b, isNan(b)), a, isNan(a)); }",
    needs: ["isNan"],
  },
  floatMax: {
    source: "fn floatMax(a: f32, b: f32) -> f32 { return select(select(max(a, b), b, isNan(b)), a, isNan(a)); }",
    needs: ["isNan"],
  },
  floatToInt: {
    source: `fn floatToInt(x: f32) -> i32 {
  if (isNan(x)) { return 0i; }
  if (x >= 2147483648f) { return 2147483647i; }
  return i32(max(x, -2147483648f));
}`,
    needs: ["isNan"],
  },
  floatToUint: {
    source: `fn floatToUint(x: f32) -> u32 {
  if (isNan(x)) { return 0u; }
  if (x >= 4294967296f) { return 4294967295u; }
  return u32(max(x, 0f));
}`,
    needs: ["isNan"],
  },
  // Some devices round twice when they convert a word above 2³¹; both halves are exact, so their sum rounds once.
  uintToFloat: {
    source: "fn uintToFloat(x: u32) -> f32 { return fma(f32(x >> 16u), 65536f, f32(x & 0xffffu)); }",
  },
  divideInt: {
    source: `fn divideInt(a: i32, b: i32) -> i32 {
  if (b == 0i) { return 0i; }
  if (b == -1i) { return -a; }
  return a / b;
}`,
  },
  divideUint: {
    source: `fn divideUint(a: u32, b: u32) -> u32 {
  if (b == 0u) { return 0u; }
  return a / b;
}`,
  },
  mulHigh: {
    source: `fn mulHigh(a: u32, b: u32) -> u32 {
  let lowA = a & 0xffffu;
  let highA = a >> 16u;
  let lowB = b & 0xffffu;
  let highB = b >> 16u;
  let mid = highA * lowB + ((lowA * lowB) >> 16u);
  let mid2 = lowA * highB + (mid & 0xffffu);
  return highA * highB + (mid >> 16u) + (mid2 >> 16u);
}`,
  },
} as const satisfies Record<string, Helper>;
