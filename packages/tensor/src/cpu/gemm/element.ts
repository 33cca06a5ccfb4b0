// The element types of the matrix product as data, so that one generator writes the kernels of both.

import { type FunctionBuilder, f32, f32x4, f64, f64x2, type Local, type Vector, v128 } from "../wasm/assembler.js";

/** What the kernels need to know of an element type. */
export interface Element {
  readonly byteLength: 4 | 8;
  /** Elements in a vector. */
  readonly lanes: 4 | 2;
  readonly splatLoad: (address: Local<"i32">, offset?: number) => Vector;
  readonly add: (a: Vector, b: Vector) => Vector;
  readonly zero: (f: FunctionBuilder) => Vector;
  /** a · b + c. */
  readonly madd: (f: FunctionBuilder, a: Vector, b: Vector, c: Vector) => Vector;
  /** `to = from`, one element. */
  readonly copy: (f: FunctionBuilder, to: Local<"i32">, from: Local<"i32">) => void;
  /** `to += from`, one element. */
  readonly accumulate: (f: FunctionBuilder, to: Local<"i32">, from: Local<"i32">) => void;
}

/** The element types by name. */
export const elements = {
  float32: {
    byteLength: 4,
    lanes: 4,
    splatLoad: v128.load32Splat,
    add: f32x4.add,
    zero: (f) => f.constants.f32x4(0),
    madd: (f, a, b, c) => f.madd(a, b, c),
    copy: (f, to, from) => f.store.f32(to, f32.load(from)),
    accumulate: (f, to, from) => f.store.f32(to, f32.add(f32.load(to), f32.load(from))),
  },
  float64: {
    byteLength: 8,
    lanes: 2,
    splatLoad: v128.load64Splat,
    add: f64x2.add,
    zero: (f) => f.constants.f64x2(0),
    madd: (f, a, b, c) => f.madd64(a, b, c),
    copy: (f, to, from) => f.store.f64(to, f64.load(from)),
    accumulate: (f, to, from) => f.store.f64(to, f64.add(f64.load(to), f64.load(from))),
  },
} as const satisfies Record<string, Element>;
