// Integer helpers that SIMD lacks as one instruction.

import { type FunctionBuilder, i32x4, i64x2 } from "../wasm/assembler.js";
import { each, type Group } from "./group.js";

/** High 32 bits of the 64-bit products of unsigned 32-bit lanes. */
export function emitMulHigh(f: FunctionBuilder, a: Group, b: Group): Group {
  const low = each(f, (x, y) => i64x2.extmulLowI32x4U(x, y), a, b);
  const high = each(f, (x, y) => i64x2.extmulHighI32x4U(x, y), a, b);
  return each(f, (x, y) => i32x4.shuffle(x, y, [1, 3, 5, 7]), low, high);
}
