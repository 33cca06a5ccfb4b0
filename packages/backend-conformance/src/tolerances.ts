// How far a backend may be off: every tolerance of the suite. A backend that needs more says why, here.

import type { FloatType, ScalarOp } from "@torchium/tensor/backend";

/** Largest error of one operation: units in the last place of the exact result, or an absolute error where larger. */
export type Accuracy = { readonly ulps: number; readonly absolute?: number };

const exact: Accuracy = { ulps: 0 };
/** The exact result, rounded. */
const rounded: Accuracy = { ulps: 0.5 };
/** Division and square roots need not be rounded correctly. */
const divided: Accuracy = { ulps: 2.5 };
const transcendental: Accuracy = { ulps: 4 };
/** Near a zero of the function the argument's rounding dominates. */
const periodic: Accuracy = { ulps: 4, absolute: 2 ** -22 };

/** Accuracy of each scalar operation on float32; on float64 in its own units. */
export const scalarAccuracy: Readonly<Record<ScalarOp, Accuracy>> = {
  add: rounded,
  sub: rounded,
  mul: rounded,
  div: divided,
  neg: exact,
  abs: exact,
  min: exact,
  max: exact,
  exp: transcendental,
  log: transcendental,
  log1p: transcendental,
  expm1: transcendental,
  sqrt: divided,
  rsqrt: { ulps: 4 },
  tanh: { ulps: 8 },
  erf: { ulps: 8 },
  sin: periodic,
  cos: periodic,
  pow: { ulps: 16 },
  floor: exact,
  ceil: exact,
  trunc: exact,
  round: exact,
  eq: exact,
  ne: exact,
  lt: exact,
  le: exact,
  isNaN: exact,
  and: exact,
  or: exact,
  xor: exact,
  not: exact,
  shiftLeft: exact,
  shiftRight: exact,
  mulHigh: exact,
  select: exact,
  cast: exact,
  detach: exact,
};

/**
 * Rounding of a sum of `count` terms, in units of the relative rounding error times the sum of their magnitudes: far
 * below the worst case of any order (`count`), far above what adding in blocks or on several threads makes.
 */
export const sumRoundings = (count: number): number => 4 + 2 * Math.sqrt(count);

/** What is left over for second-order effects when errors are carried through a program. */
export const safety = 2;

/** The greatest finite, the least normal and the relative spacing of a float type. */
export const floatLimits = {
  float32: { greatest: 3.4028234663852886e38, leastNormal: 2 ** -126, epsilon: 2 ** -23 },
  float64: { greatest: Number.MAX_VALUE, leastNormal: 2 ** -1022, epsilon: 2 ** -52 },
  float16: { greatest: 65504, leastNormal: 2 ** -14, epsilon: 2 ** -10 },
  bfloat16: { greatest: 3.3895313892515355e38, leastNormal: 2 ** -126, epsilon: 2 ** -7 },
} as const satisfies Record<FloatType, unknown>;

/** The distance between neighbours of `type` around `value`; denormals are as far apart as the least normals. */
export function ulpOf(type: FloatType, value: number): number {
  const { leastNormal, epsilon } = floatLimits[type];
  const magnitude = Math.max(Math.abs(value), leastNormal);
  return 2 ** Math.floor(Math.log2(magnitude)) * epsilon;
}
