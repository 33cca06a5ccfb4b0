// Groups of four single precision lanes as two groups of double precision vectors and back,
// for the few functions whose argument reduction needs more than 24 bits.

import { type FunctionBuilder, f32x4, f64x2, i32x4, i64x2 } from "../wasm/assembler.js";
import { each, type Group } from "./group.js";

/** Lanes 0, 1 of every vector and then lanes 2, 3 of every vector, in double precision. */
export function promote(f: FunctionBuilder, x: Group): Group {
  const low = each(f, (v) => f64x2.promoteLowF32x4(v), x);
  const upper = each(f, (v) => i64x2.shuffle(v, v, [1, 1]), x);
  return [...low, ...each(f, (v) => f64x2.promoteLowF32x4(v), upper)];
}

/** The reverse of `promote`, rounding. */
export function demote(f: FunctionBuilder, halves: Group): Group {
  const narrow = each(f, (v) => f32x4.demoteF64x2Zero(v), halves);
  const [low, high] = split(narrow);
  return each(f, (a, b) => i64x2.shuffle(a, b, [0, 2]), low, high);
}

/** The low 32 bits of every 64-bit lane, in the order of `demote`. */
export function lowWords(f: FunctionBuilder, halves: Group): Group {
  const [low, high] = split(halves);
  return each(f, (a, b) => i32x4.shuffle(a, b, [0, 2, 4, 6]), low, high);
}

function split(halves: Group): [Group, Group] {
  return [halves.slice(0, halves.length / 2), halves.slice(halves.length / 2)];
}

// Adding this puts the nearest integer into the low bits of the sum.
const roundingMagic = 1.5 * 2 ** 52;

/** The integer nearest to `x · factor`: as bits whose low end is the integer, and as a float. */
export function roundProduct(
  f: FunctionBuilder,
  x: Group,
  factor: number,
): { readonly bits: Group; readonly n: Group } {
  const magic = f.constants.f64x2(roundingMagic);
  const scale = f.constants.f64x2(factor);
  const bits = each(f, (v) => f.madd64(v, scale, magic), x);
  return { bits, n: each(f, (b) => f64x2.sub(b, magic), bits) };
}
