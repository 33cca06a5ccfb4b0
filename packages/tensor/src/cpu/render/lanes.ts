// How values of each dtype sit in vector registers: four neighbouring elements take one vector of 32-bit lanes, or two
// vectors of float64. A bool is a lane mask (all ones or all zeros) in a register and a 0 or 1 in memory; a number of 16
// bits has its bits, zero-extended, in a lane.

import { byteLengthOf, type DType, isHalf } from "../../dtype.js";
import { halfFloats } from "../../half-floats.js";
import { type FunctionBuilder, i32x4, type Local, type Vector, v128 } from "../wasm/assembler.js";

/** Vectors of a run of elements, in order. */
export type Vectors = readonly Local<"v128">[];

/** An element count or address in a register. */
export type Word = Local<"i32">;

/** Vectors that hold four elements of `type`. */
export const vectorsPerFour = (type: DType): 1 | 2 => (type === "float64" ? 2 : 1);

/** log2 of the bytes an element of `type` takes in memory. */
export const shiftOf = (type: DType): 1 | 2 | 3 => (isHalf(type) ? 1 : byteLengthOf(type) === 8 ? 3 : 2);

/**
 * Applies `op` vector by vector, which interleaves independent work. Vectors that have the same operands share one
 * result, so a value repeated over a run is computed once.
 */
export function each(f: FunctionBuilder, args: readonly Vectors[], op: (...xs: Local<"v128">[]) => Vector): Vectors {
  const out: Local<"v128">[] = [];
  for (let k = 0; k < args[0]!.length; k++) {
    const twin = out.findIndex((_, j) => args.every((a) => a[j] === a[k]));
    out.push(twin >= 0 ? out[twin]! : f.local("v128", op(...args.map((a) => a[k]!))));
  }
  return out;
}

/** A vector of `type` filled with a constant (bool: 0 or 1), loaded once a function. */
export function constantVector(f: FunctionBuilder, type: DType, value: number): Local<"v128"> {
  switch (type) {
    case "float32":
      return f.constants.f32x4(value);
    case "float64":
      return f.constants.f64x2(value);
    case "bool":
      return f.constants.i32x4(value ? -1 : 0);
    case "float16":
    case "bfloat16":
      return f.constants.i32x4(halfFloats[type].bitsOf(value));
    default:
      return f.constants.i32x4(value | 0);
  }
}

/** Lane masks of 32 bits from pairs of vectors with lane masks of 64 bits. */
export function narrowMasks(f: FunctionBuilder, wide: Vectors): Vectors {
  const out: Local<"v128">[] = [];
  for (let k = 0; k < wide.length; k += 2) {
    out.push(f.local("v128", i32x4.shuffle(wide[k]!, wide[k + 1]!, [0, 2, 4, 6])));
  }
  return out;
}

/** Lane masks of 64 bits, two vectors for each one of 32-bit masks. */
export function widenMasks(f: FunctionBuilder, narrow: Vectors): Vectors {
  return narrow.flatMap((m) => [
    f.local("v128", i32x4.shuffle(m, m, [0, 0, 1, 1])),
    f.local("v128", i32x4.shuffle(m, m, [2, 2, 3, 3])),
  ]);
}

/** Register form of vectors just loaded. */
export function decode(f: FunctionBuilder, type: DType, raw: Vectors): Vectors {
  if (type !== "bool") return raw;
  const zero = f.constants.i32x4(0);
  return each(f, [raw], (x) => i32x4.ne(x, zero));
}

/** Memory form of a vector about to be stored. */
export function encode(f: FunctionBuilder, type: DType, x: Local<"v128">): Vector {
  return type === "bool" ? v128.and(x, f.constants.i32x4(1)) : x;
}

/** The first `remaining` of four lanes, as a 32-bit lane mask. */
export function tailMask(f: FunctionBuilder, remaining: Word): Local<"v128"> {
  return f.local("v128", i32x4.gtS(i32x4.splat(remaining), f.constants.i32x4(0, 1, 2, 3)));
}
