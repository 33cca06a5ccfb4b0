// Numbers of 16 bits and float32, as a device's conversions make them: to the nearest, ties to even.
#pragma once

inline float emulator_float_of(unsigned bits) {
  float x;
  __builtin_memcpy(&x, &bits, 4);
  return x;
}
inline unsigned emulator_bits_of(float x) {
  unsigned bits;
  __builtin_memcpy(&bits, &x, 4);
  return bits;
}

inline float float16_to_float(unsigned short x) {
  const unsigned sign = (x & 0x8000u) << 16, exponent = x >> 10 & 31, fraction = x & 1023;
  if (exponent == 31) return emulator_float_of(sign | 0x7f800000u | fraction << 13);
  const float magnitude = exponent == 0 ? fraction * 0x1p-24f : emulator_float_of((exponent + 112) << 23 | fraction << 13);
  return sign ? -magnitude : magnitude;
}

inline unsigned short float_to_float16(float x) {
  const unsigned bits = emulator_bits_of(x), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return 0x7fff;
  if (magnitude >= 0x47800000u) return (unsigned short)(sign | 0x7c00u);
  // Below the least normal number steps have one size: adding 1/2 leaves them in the lowest bits.
  if (magnitude < 0x38800000u)
    return (unsigned short)(sign | (emulator_bits_of(emulator_float_of(magnitude) + 0.5f) - 0x3f000000u));
  return (unsigned short)(sign | (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1)) >> 13);
}

inline unsigned short float_to_bfloat16(float x) {
  const unsigned bits = emulator_bits_of(x);
  return x != x ? 0x7fff : (unsigned short)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

#ifndef TORCHIUM_EMULATED
inline float bfloat16_to_float(unsigned short x) { return emulator_float_of((unsigned)x << 16); }
#endif
