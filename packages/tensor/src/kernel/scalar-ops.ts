// The scalar algebra: the only place where the meaning of an operation on one element is written down.
// `js` is the living definition (float64 for floats, exact for integers); dialects spell it, the reference runs it.

import { type DType, isFloat } from "../dtype.js";
import { halfFloats } from "../half-floats.js";
import { erf, mulHigh, roundHalfEven } from "./numeric.js";

/** Which operand types an operation takes (`word` is uint32); all its operands share one type of the family. */
export type ScalarDomain = "float" | "number" | "integer" | "word" | "bits" | "any";

type ScalarRule = {
  readonly arity: 1 | 2 | 3;
  readonly domain: ScalarDomain;
  /** `same`: the type of the operands; `bool`: a comparison. */
  readonly result: "same" | "bool";
  readonly js: (a: number, b: number, c: number) => number;
  /** Meaning on 32-bit integers where float64 arithmetic would differ. */
  readonly integer?: (a: number, b: number) => number;
  /** Relative cost of one evaluation, in units of an addition: decides what fusion may recompute. */
  readonly cost: number;
};

const arithmetic = { domain: "number", result: "same", cost: 1 } as const;
const maths = { arity: 1, domain: "float", result: "same", cost: 10 } as const;
const compare = { arity: 2, domain: "any", result: "bool", cost: 1 } as const;
const bitwise = { arity: 2, domain: "bits", result: "same", cost: 1 } as const;

const table = {
  add: { ...arithmetic, arity: 2, js: (a, b) => a + b },
  sub: { ...arithmetic, arity: 2, js: (a, b) => a - b },
  mul: { ...arithmetic, arity: 2, js: (a, b) => a * b, integer: Math.imul },
  /** Integers: truncated towards zero; by zero gives 0. */
  div: { ...arithmetic, arity: 2, cost: 4, js: (a, b) => a / b, integer: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)) },
  neg: { ...arithmetic, arity: 1, js: (a) => -a },
  abs: { ...arithmetic, arity: 1, js: Math.abs },
  /** NaN wins, as in PyTorch. */
  min: { ...arithmetic, arity: 2, js: (a, b) => Math.min(a, b) },
  max: { ...arithmetic, arity: 2, js: (a, b) => Math.max(a, b) },
  exp: { ...maths, js: Math.exp },
  log: { ...maths, js: Math.log },
  log1p: { ...maths, cost: 14, js: Math.log1p },
  expm1: { ...maths, cost: 14, js: Math.expm1 },
  sqrt: { ...maths, cost: 4, js: Math.sqrt },
  rsqrt: { ...maths, cost: 6, js: (a) => 1 / Math.sqrt(a) },
  tanh: { ...maths, js: Math.tanh },
  erf: { ...maths, js: erf },
  sin: { ...maths, js: Math.sin },
  cos: { ...maths, js: Math.cos },
  /** As in C: 1 to any power and anything to the power 0 are 1, NaN included. */
  pow: { ...maths, arity: 2, cost: 20, js: power },
  floor: { ...maths, cost: 1, js: Math.floor },
  ceil: { ...maths, cost: 1, js: Math.ceil },
  trunc: { ...maths, cost: 1, js: Math.trunc },
  /** Halves go to the even neighbour. */
  round: { ...maths, cost: 1, js: roundHalfEven },
  eq: { ...compare, js: (a, b) => +(a === b) },
  ne: { ...compare, js: (a, b) => +(a !== b) },
  lt: { ...compare, js: (a, b) => +(a < b) },
  le: { ...compare, js: (a, b) => +(a <= b) },
  /** By bit pattern, because some shading languages may assume that NaN does not exist. */
  isNaN: { arity: 1, domain: "float", result: "bool", cost: 1, js: (a) => +Number.isNaN(a) },
  and: { ...bitwise, js: (a, b) => a & b },
  or: { ...bitwise, js: (a, b) => a | b },
  xor: { ...bitwise, js: (a, b) => a ^ b },
  not: { ...bitwise, arity: 1, js: (a) => ~a },
  /** Shift counts are taken modulo 32. */
  shiftLeft: { arity: 2, domain: "integer", result: "same", cost: 1, js: (a, b) => a << b },
  /** Logical for uint32, arithmetic for int32. */
  shiftRight: { arity: 2, domain: "integer", result: "same", cost: 1, js: (a, b) => (a < 0 ? a >> b : a >>> b) },
  /** High 32 bits of the 64-bit product. */
  mulHigh: { arity: 2, domain: "word", result: "same", cost: 4, js: mulHigh },
  /** First operand is a bool, the others share a type, which is the result's. */
  select: { arity: 3, domain: "any", result: "same", cost: 1, js: (c, t, f) => (c ? t : f) },
  /** To the type of the expression, by `castValue`. */
  cast: { arity: 1, domain: "any", result: "same", cost: 1, js: (a) => a },
  /** The value unchanged, with no gradient. */
  detach: { arity: 1, domain: "any", result: "same", cost: 0, js: (a) => a },
} as const satisfies Record<string, ScalarRule>;

// JavaScript gives NaN for 1 to the power NaN and for ±1 to an infinite power.
function power(a: number, b: number): number {
  const one = b === 0 || a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY);
  return one ? 1 : a ** b;
}

/** Name of a scalar operation. */
export type ScalarOp = keyof typeof table;

/** One row per scalar operation. Dialects must cover every key, or they do not compile. */
export const scalarOps: Readonly<Record<ScalarOp, ScalarRule>> = table;

/** `value` brought into the range of `type`: modulo 2³² for integers, 0 or 1 for bool; floats stay as they are. */
export function wrap(type: DType, value: number): number {
  switch (type) {
    case "int32":
      return value | 0;
    case "uint32":
      return value >>> 0;
    case "bool":
      return value ? 1 : 0;
    default:
      return value;
  }
}

/** Evaluates one operation with the type rules applied; floats in float64. */
export function evaluateScalar(op: ScalarOp, type: DType, operandType: DType, a: number, b: number, c: number): number {
  const rule = scalarOps[op];
  if (op === "cast") return castValue(type, a, operandType);
  if (op === "not" && type === "bool") return a ? 0 : 1;
  if (op === "shiftRight" && type === "uint32") return (a >>> b) >>> 0;
  const exact = rule.integer !== undefined && (operandType === "int32" || operandType === "uint32");
  const value = exact ? rule.integer!(a, b) : rule.js(a, b, c);
  return wrap(type, value);
}

/**
 * The conversion rule of `cast`: an integer keeps its bits as the other integer; a float is truncated and saturates,
 * NaN gives 0; to bool means ≠ 0; to float32 rounds, to a type of 16 bits rounds that.
 */
export function castValue(type: DType, value: number, from: DType): number {
  switch (type) {
    case "float64":
      return value;
    case "float32":
      return Math.fround(value);
    case "float16":
    case "bfloat16":
      return halfFloats[type].numberOf(halfFloats[type].bitsOf(value));
    case "bool":
      return value !== 0 ? 1 : 0;
    default:
      if (!isFloat(from)) return wrap(type, value);
      return type === "int32" ? saturate(-2147483648, value, 2147483647) : saturate(0, value, 4294967295);
  }
}

// `|| 0` turns NaN and −0 into 0.
const saturate = (least: number, value: number, greatest: number): number =>
  Math.max(least, Math.min(greatest, Math.trunc(value))) || 0;
