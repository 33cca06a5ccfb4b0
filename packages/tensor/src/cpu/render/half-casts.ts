// Numbers of 16 bits in vector registers: their bits, zero-extended to 32-bit lanes. Conversion to and from float32 is
// that of half-floats.ts, to the bit, NaN's payload aside.

import type { HalfType } from "../../dtype.js";
import { type FunctionBuilder, f32x4, i32x4, type Local, type Vector, v128 } from "../wasm/assembler.js";
import { each, type Vectors } from "./lanes.js";

/** float32 vectors of half vectors. */
export function widenHalves(f: FunctionBuilder, from: HalfType, values: Vectors): Vectors {
  if (from === "bfloat16") return each(f, [values], (x) => i32x4.shl(x, 16));
  const magnitudeBits = f.constants.i32x4(0x7fff);
  const signBit = f.constants.i32x4(0x8000);
  // The exponents of the two formats differ by 112; multiplying moves them apart, subnormal numbers included.
  const rescale = f.constants.f32x4(2 ** 112);
  const infinity = f.constants.i32x4(0x7f800000);
  const beyond = f.constants.i32x4((31 << 23) - 1);
  return each(f, [values], (x) => {
    const moved = f.local("v128", i32x4.shl(v128.and(x, magnitudeBits), 13));
    const special = v128.and(i32x4.gtS(moved, beyond), infinity);
    const sign = i32x4.shl(v128.and(x, signBit), 16);
    return v128.or(v128.or(f32x4.mul(moved, rescale), special), sign);
  });
}

/** Half vectors of float32 vectors: to the nearest, ties to even. */
export function narrowToHalves(f: FunctionBuilder, to: HalfType, values: Vectors): Vectors {
  return each(f, [values], to === "bfloat16" ? (x) => brainFloat(f, x) : (x) => half(f, x));
}

/** What rounding adds before the lowest `shift` bits are cut off. */
function rounding(f: FunctionBuilder, bits: Local<"v128">, shift: number): Vector {
  const odd = v128.and(i32x4.shrU(bits, shift), f.constants.i32x4(1));
  return i32x4.add(odd, f.constants.i32x4(2 ** (shift - 1) - 1));
}

function brainFloat(f: FunctionBuilder, x: Local<"v128">): Vector {
  const rounded = i32x4.shrU(i32x4.add(x, rounding(f, x, 16)), 16);
  return v128.bitselect(f.constants.i32x4(0x7fc0), rounded, f32x4.ne(x, x));
}

function half(f: FunctionBuilder, x: Local<"v128">): Vector {
  const magnitude = f.local("v128", v128.and(x, f.constants.i32x4(0x7fffffff)));
  const rebased = i32x4.sub(i32x4.add(magnitude, rounding(f, magnitude, 13)), f.constants.i32x4(112 << 23));
  const normal = i32x4.shrU(rebased, 13);
  // Below the least normal number steps have one size: adding 1/2 leaves them in the lowest bits.
  const half = f.constants.f32x4(0.5);
  const subnormal = i32x4.sub(f32x4.add(magnitude, half), half);
  const isSubnormal = i32x4.gtS(f.constants.i32x4(113 << 23), magnitude);
  const finite = v128.bitselect(subnormal, normal, isSubnormal);
  const isGreat = i32x4.gtS(magnitude, f.constants.i32x4(0x477fffff));
  const great = v128.bitselect(f.constants.i32x4(0x7e00), f.constants.i32x4(0x7c00), f32x4.ne(x, x));
  const sign = v128.and(i32x4.shrU(x, 16), f.constants.i32x4(0x8000));
  return v128.or(v128.bitselect(great, finite, isGreat), sign);
}
