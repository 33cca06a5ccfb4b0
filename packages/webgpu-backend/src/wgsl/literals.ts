// Numbers in WGSL. Infinities and NaN may not be written as constants, and compilers may assume that they do not exist:
// they are made from a word of the parameters, whose value no compiler knows.

import { type DType, halfFloats } from "@torchium/tensor/backend";

/** What the first word of every parameter block holds: the bits of infinity. */
export const infinityWord = 0x7f800000;

const infinity = "p[0].x";

/** A number as an expression of `type`. */
export function literal(value: number, type: DType): string {
  switch (type) {
    case "bool":
      return value ? "true" : "false";
    case "int32":
      return value === -2147483648 ? "i32(-2147483648)" : value < 0 ? `(${value}i)` : `${value}i`;
    case "uint32":
      return `${value}u`;
    case "float16":
    case "bfloat16":
      return `${halfFloats[type].bitsOf(value)}u`;
    default:
      return floatLiteral(Math.fround(value));
  }
}

function floatLiteral(value: number): string {
  if (Number.isNaN(value)) return `bitcast<f32>(${infinity} | 0x400000u)`;
  if (value === Number.POSITIVE_INFINITY) return `bitcast<f32>(${infinity})`;
  if (value === Number.NEGATIVE_INFINITY) return `bitcast<f32>(${infinity} | 0x80000000u)`;
  if (Object.is(value, -0)) return "bitcast<f32>(0x80000000u)";
  return value < 0 ? `(${value}f)` : `${value}f`;
}
