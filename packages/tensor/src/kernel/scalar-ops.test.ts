import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DType } from "../dtype.js";
import { castValue, evaluateScalar, type ScalarOp, scalarOps } from "./scalar-ops.js";

const inf = Number.POSITIVE_INFINITY;
const nan = Number.NaN;

describe("what scalar operations mean", () => {
  const cases: [op: ScalarOp, type: DType, args: number[], expected: number][] = [
    ["div", "int32", [7, -2], -3],
    ["div", "int32", [5, 0], 0],
    ["div", "int32", [-2147483648, -1], -2147483648],
    ["div", "uint32", [4294967295, 2], 2147483647],
    ["div", "float32", [1, -0], -inf],
    ["add", "int32", [2147483647, 1], -2147483648],
    ["sub", "uint32", [0, 1], 4294967295],
    ["mul", "int32", [123456789, 987654321], -67153019],
    ["mul", "uint32", [4294967295, 4294967295], 1],
    ["neg", "uint32", [1], 4294967295],
    ["abs", "int32", [-2147483648], -2147483648],
    ["min", "float32", [nan, 1], nan],
    ["max", "float32", [1, nan], nan],
    ["round", "float32", [0.5], 0],
    ["round", "float32", [1.5], 2],
    ["round", "float32", [-2.5], -2],
    ["round", "float32", [2.4999], 2],
    ["trunc", "float32", [-1.7], -1],
    ["pow", "float32", [nan, 0], 1],
    ["pow", "float32", [1, nan], 1],
    ["pow", "float32", [-1, inf], 1],
    ["pow", "float32", [-1, -inf], 1],
    ["pow", "float32", [0, -1], inf],
    ["pow", "float32", [-8, 1 / 3], nan],
    ["pow", "float32", [-2, 3], -8],
    ["isNaN", "float32", [nan], 1],
    ["isNaN", "float32", [inf], 0],
    ["eq", "float32", [nan, nan], 0],
    ["ne", "float32", [nan, nan], 1],
    ["eq", "float32", [0, -0], 1],
    ["not", "bool", [1], 0],
    ["not", "int32", [5], -6],
    ["not", "uint32", [5], 4294967290],
    ["xor", "bool", [1, 1], 0],
    ["and", "uint32", [4294967295, 4294967280], 4294967280],
    ["shiftLeft", "uint32", [1, 31], 2147483648],
    ["shiftLeft", "int32", [1, 33], 2],
    ["shiftRight", "int32", [-8, 1], -4],
    ["shiftRight", "uint32", [4294967288, 1], 2147483644],
    ["select", "float32", [1, 2, nan], 2],
    ["select", "float32", [0, nan, 3], 3],
    ["detach", "float32", [4], 4],
  ];
  it.each(cases)("%s of %s %o is %s", (op, operandType, [a, b, c], expected) => {
    const type = scalarOps[op].result === "bool" ? "bool" : operandType;
    expect(evaluateScalar(op, type, operandType, a!, b ?? 0, c ?? 0)).toBe(expected);
  });

  it("mulHigh is the upper half of the 64-bit product", () => {
    const word = fc.oneof(fc.integer({ min: 0, max: 4294967295 }), fc.constantFrom(0, 1, 65535, 65536, 4294967295));
    const check = (a: number, b: number) =>
      evaluateScalar("mulHigh", "uint32", "uint32", a, b, 0) === Number((BigInt(a) * BigInt(b)) >> 32n);
    fc.assert(fc.property(word, word, check));
  });

  // Values of C's erf.
  const erfs: [number, number][] = [
    [0, 0],
    [1e-300, 1.1283791670955126e-300],
    [1e-5, 1.1283791670579e-5],
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [1.5, 0.9661051464753108],
    [2, 0.9953222650189527],
    [2.5, 0.999593047982555],
    [2.999, 0.9999777698314002],
    [3, 0.9999779095030014],
    [3.5, 0.9999992569016276],
    [5, 0.9999999999984626],
    [5.9, 0.9999999999999999],
    [inf, 1],
  ];
  it.each(erfs)("erf of ±%s is right to 1e-15", (x, expected) => {
    for (const sign of [1, -1]) {
      const got = evaluateScalar("erf", "float64", "float64", sign * x, 0, 0);
      expect(Math.abs(got - sign * expected)).toBeLessThanOrEqual(1e-15 * expected);
    }
  });
});

describe("castValue", () => {
  const casts: [from: DType, to: DType, value: number, expected: number][] = [
    ["float32", "int32", 1.9, 1],
    ["float32", "int32", -1.9, -1],
    ["float32", "int32", nan, 0],
    ["float32", "int32", 3e9, 2147483647],
    ["float32", "int32", -inf, -2147483648],
    ["float32", "int32", -0.5, 0],
    ["float32", "uint32", -1, 0],
    ["float32", "uint32", -0.5, 0],
    ["float32", "uint32", 3e9, 3000000000],
    ["float32", "uint32", inf, 4294967295],
    ["float64", "float32", 0.1, Math.fround(0.1)],
    ["float64", "float32", 1e300, inf],
    ["float32", "float64", Math.fround(0.1), Math.fround(0.1)],
    ["int32", "float32", 16777217, 16777216],
    ["int32", "uint32", -1, 4294967295],
    ["uint32", "int32", 4294967295, -1],
    ["uint32", "float64", 4294967295, 4294967295],
    ["float32", "bool", nan, 1],
    ["float32", "bool", -0, 0],
    ["float32", "bool", 0.1, 1],
    ["int32", "bool", -2147483648, 1],
    ["bool", "float32", 1, 1],
    ["bool", "int32", 1, 1],
  ];
  it.each(casts)("%s to %s: %s becomes %s", (from, to, value, expected) => {
    expect(castValue(to, value, from)).toBe(expected);
    expect(evaluateScalar("cast", to, from, value, 0, 0)).toBe(expected);
  });
});
