// Numbers of 16 bits in registers: their bits, in the lower half of a word. Conversion to and from float32 is that of
// half-floats.ts, to the bit, NaN's payload aside: by integers alone, since WGSL leaves to the device how
// `pack2x16float` rounds, what it makes of numbers beyond 65504 and whether it keeps subnormal ones.

import type { Helper } from "@torchium/tensor/backend";

/** Helpers by name. */
export const halfHelpers = {
  float16ToFloat: {
    source: `fn float16ToFloat(bits: u32) -> f32 {
  let magnitude = bits & 0x7fffu;
  // Exponents are 112 apart, and twice that for infinity and NaN. Below the least normal number steps have one size.
  let rebased = (magnitude << 13u) + select(0x38000000u, 0x70000000u, magnitude >= 0x7c00u);
  let small = bitcast<u32>(f32(magnitude) * ${2 ** -24}f);
  return bitcast<f32>(select(rebased, small, magnitude < 0x400u) | ((bits & 0x8000u) << 16u));
}`,
  },
  bfloat16ToFloat: { source: "fn bfloat16ToFloat(bits: u32) -> f32 { return bitcast<f32>(bits << 16u); }" },
  // x / 2ⁿ to the nearest, ties to even.
  roundedShift: {
    source: "fn roundedShift(x: u32, n: u32) -> u32 { return (x + (1u << (n - 1u)) - 1u + ((x >> n) & 1u)) >> n; }",
  },
  floatToFloat16: {
    source: `fn floatToFloat16(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let sign = (bits >> 16u) & 0x8000u;
  let magnitude = bits & 0x7fffffffu;
  let normal = roundedShift(magnitude - 0x38000000u, 13u);
  let small = roundedShift((magnitude & 0x7fffffu) | 0x800000u, min(126u - (magnitude >> 23u), 25u));
  let finite = select(small, normal, magnitude >= 0x38800000u);
  return sign | select(select(finite, 0x7c00u, magnitude >= 0x47800000u), 0x7e00u, magnitude > 0x7f800000u);
}`,
    needs: ["roundedShift"],
  },
  floatToBfloat16: {
    source: `fn floatToBfloat16(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  return select(roundedShift(bits, 16u), ((bits >> 16u) & 0x8000u) | 0x7fc0u, (bits & 0x7fffffffu) > 0x7f800000u);
}`,
    needs: ["roundedShift"],
  },
} as const satisfies Record<string, Helper>;

/** The helpers that convert each type to float32 and from it. */
export const halfCasts = {
  float16: { widen: "float16ToFloat", narrow: "floatToFloat16" },
  bfloat16: { widen: "bfloat16ToFloat", narrow: "floatToBfloat16" },
} as const;
