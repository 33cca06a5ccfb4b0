// Conversions between dtypes in registers. Float to integer truncates and saturates, NaN gives 0; to bool means ≠ 0.

import { type DType, type HalfType, isHalf, isWideFloat, type WideFloat } from "../../dtype.js";
import { type FunctionBuilder, f32x4, f64x2, i32x4, type Local, v128 } from "../wasm/assembler.js";
import { narrowToHalves, widenHalves } from "./half-casts.js";
import { constantVector, decode, each, narrowMasks, type Vectors, widenMasks } from "./lanes.js";

/** `values` of type `from` as type `to`. */
export function castVectors(f: FunctionBuilder, from: DType, to: DType, values: Vectors): Vectors {
  if (from === to) return values;
  if (isHalf(from)) return castVectors(f, "float32", to, widenHalves(f, from, values));
  if (isHalf(to)) return narrowToHalves(f, to, castVectors(f, from, "float32", values));
  return castWide(f, from, to, values);
}

type Wide = Exclude<DType, HalfType>;

function castWide(f: FunctionBuilder, from: Wide, to: Wide, values: Vectors): Vectors {
  if (from === "bool") return fromMasks(f, to, values);
  if (to === "bool") return toMasks(f, from, values);
  if (isWideFloat(from)) return isWideFloat(to) ? resize(f, to, values) : toIntegers(f, from, to, values);
  return isWideFloat(to) ? fromIntegers(f, from, to, values) : values;
}

// A mask selects the bits of 1.
function fromMasks(f: FunctionBuilder, to: DType, masks: Vectors): Vectors {
  const one = constantVector(f, to, 1);
  return each(f, [to === "float64" ? widenMasks(f, masks) : masks], (m) => v128.and(m, one));
}

function toMasks(f: FunctionBuilder, from: DType, values: Vectors): Vectors {
  const zero = constantVector(f, from, 0);
  if (from === "float32") return each(f, [values], (x) => f32x4.ne(x, zero));
  if (from === "float64")
    return narrowMasks(
      f,
      each(f, [values], (x) => f64x2.ne(x, zero)),
    );
  return decode(f, "bool", values);
}

function resize(f: FunctionBuilder, to: WideFloat, values: Vectors): Vectors {
  if (to === "float64") return upperAndLower(f, values, (x) => f64x2.promoteLowF32x4(x));
  return joinPairs(f, values, (x) => f32x4.demoteF64x2Zero(x));
}

function toIntegers(f: FunctionBuilder, from: WideFloat, to: DType, values: Vectors): Vectors {
  if (from === "float64") {
    return joinPairs(f, values, to === "uint32" ? i32x4.truncSatF64x2UZero : i32x4.truncSatF64x2SZero);
  }
  return each(f, [values], to === "uint32" ? i32x4.truncSatF32x4U : i32x4.truncSatF32x4S);
}

function fromIntegers(f: FunctionBuilder, from: DType, to: WideFloat, values: Vectors): Vectors {
  if (to === "float64") {
    return upperAndLower(f, values, from === "uint32" ? f64x2.convertLowI32x4U : f64x2.convertLowI32x4S);
  }
  return each(f, [values], from === "uint32" ? f32x4.convertI32x4U : f32x4.convertI32x4S);
}

type Convert = (x: Local<"v128">) => ReturnType<typeof f64x2.promoteLowF32x4>;

/** Two vectors for each: `convert` of its lanes 0, 1 and of its lanes 2, 3. */
export function upperAndLower(f: FunctionBuilder, values: Vectors, convert: Convert): Vectors {
  return values.flatMap((x) => {
    const upper = f.local("v128", i32x4.shuffle(x, x, [2, 3, 2, 3]));
    return [f.local("v128", convert(x)), f.local("v128", convert(upper))];
  });
}

/** One vector for each pair: `convert` leaves its results in lanes 0 and 1. */
export function joinPairs(f: FunctionBuilder, values: Vectors, convert: Convert): Vectors {
  const halves = each(f, [values], convert);
  const out: Local<"v128">[] = [];
  for (let k = 0; k < halves.length; k += 2) {
    out.push(f.local("v128", i32x4.shuffle(halves[k]!, halves[k + 1]!, [0, 1, 4, 5])));
  }
  return out;
}
