// 16-bit floating numbers on the host: float16 (IEEE 754 binary16) and bfloat16 (the upper half of a float32). Numbers
// round to the nearest, ties to even, after rounding to float32, as devices and PyTorch do it.

const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);

/** The bits of a number as float16; beyond 65504 and what rounds to it lies infinity. */
function float16Bits(value: number): number {
  single[0] = value;
  const sign = (word[0]! >>> 16) & 0x8000;
  const magnitude = word[0]! & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Below the least normal number steps have one size: adding 1/2 leaves them in the lowest bits.
    single[0] = Math.abs(Math.fround(value)) + 0.5;
    return sign | (word[0]! - 0x3f000000);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

/** The number with these float16 bits. */
function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The bits of a number as bfloat16. */
function bfloat16Bits(value: number): number {
  single[0] = value;
  const bits = word[0]!;
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) & 0x8000) | 0x7fc0;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** The number with these bfloat16 bits. */
function bfloat16Value(bits: number): number {
  word[0] = bits << 16;
  return single[0]!;
}

/** How the numbers of a 16-bit type become bits, and bits numbers. */
export const halfFloats = {
  float16: { bitsOf: float16Bits, numberOf: float16Value },
  bfloat16: { bitsOf: bfloat16Bits, numberOf: bfloat16Value },
} as const;
