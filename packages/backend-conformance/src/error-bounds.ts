// Error analysis as a number system: every value carries how far a correct device may be from it. The interpreter runs
// programs in it, so tolerances follow from the program and its data. Errors are carried by evaluating an operation at
// the corners of its operands' ranges; where a result is not decided (a comparison of near equals), its error is
// infinite and it is not checked. Denormals may become 0; the sign of a zero is not promised.

import {
  type DType,
  evaluateScalar,
  isFloat,
  isHalf,
  isWideFloat,
  type ReduceOp,
  type ScalarOp,
  type WideFloat,
} from "@torchium/tensor/backend";
import { type Arithmetic, float64Arithmetic, identityOf, joinOf, type Reducer } from "@torchium/tensor/reference";
import { floatLimits, safety, scalarAccuracy, sumRoundings, ulpOf } from "./tolerances.js";

/** A value and how far off it may be; infinite where anything is right. */
export type Bounded = { readonly value: number; readonly error: number };

const certain = (value: number): Bounded => ({ value, error: 0 });
const unknown = (value: number): Bounded => ({ value, error: Number.POSITIVE_INFINITY });

/** Numbers with error bounds. */
export const boundedArithmetic: Arithmetic<Bounded> = {
  exact: (value, type) => flushable(type, certain(value)),
  literal: (value, type) => certain(float64Arithmetic.literal(value, type)),
  apply,
  reducer: (op, type) => (op === "sum" && isWideFloat(type) ? floatSum(type) : sequential(op, type)),
};

/** The same where a device may keep in float32 what a program rounds to 16 bits: in what follows a product. */
export const keepingArithmetic: Arithmetic<Bounded> = {
  ...boundedArithmetic,
  apply: (op, type, operandType, args) => {
    const result = apply(op, type, operandType, args);
    if (op !== "cast" || !isHalf(type) || operandType !== "float32") return result;
    // What was not rounded is as far from the result as the rounding is, and off by what came in.
    const { value, error } = args[0]!;
    const rounding = Math.abs(result.value - value);
    return { value: result.value, error: result.error + error + (Number.isNaN(rounding) ? 0 : rounding) };
  },
};

function apply(op: ScalarOp, type: DType, operandType: DType, args: readonly Bounded[]): Bounded {
  const [a, b, c] = args as [Bounded, Bounded, Bounded];
  if (op === "select") return a.error === 0 ? (a.value ? b : c) : spread(a.value ? b : c, a.value ? c : b);
  const value = evaluateScalar(op, type, operandType, a.value, b?.value ?? 0, c?.value ?? 0);
  if (signOfZeroMatters(op, operandType, a, b)) return unknown(value);
  if (args.every((x) => x.error === 0)) return rounded(op, type, value, 0);
  if ((op === "eq" || op === "ne") && isFloat(operandType)) {
    return Math.abs(a.value - b.value) > a.error + b.error ? certain(value) : undecided(type, value);
  }
  if (args.some((x) => x.error === Number.POSITIVE_INFINITY)) return undecided(type, value);
  if (op === "div" && Math.abs(b.value) <= b.error) return unknown(value);
  let error = 0;
  // Steps of 16 bits are wide: what is let pass in the end must not fall on another one.
  const from = isHalf(type) ? { value: a.value, error: safety * a.error } : a;
  for (const x of corners(operandType, from)) {
    for (const y of b ? corners(operandType, b) : [0]) {
      const at = evaluateScalar(op, type, operandType, x, y, 0);
      if (Object.is(at, value) || at === value) continue;
      error = Math.max(error, Math.abs(at - value));
      if (Number.isNaN(at - value)) return undecided(type, value);
    }
  }
  return isFloat(type) ? rounded(op, type, value, error) : error === 0 ? certain(value) : undecided(type, value);
}

/** One operation on operands that lie in memory, so that even the sign of a zero is known. */
export function applyExactly(op: ScalarOp, type: DType, operandType: DType, values: readonly number[]): Bounded {
  const [a, b, c] = values;
  return rounded(op, type, evaluateScalar(op, type, operandType, a!, b ?? 0, c ?? 0), 0);
}

/** 1 / −0 is −∞, but no operation promises the sign of the zero it makes. */
function signOfZeroMatters(op: ScalarOp, type: DType, a: Bounded, b: Bounded | undefined): boolean {
  if (!isFloat(type)) return false;
  return (
    (op === "div" && b!.value === 0) ||
    (op === "rsqrt" && a.value === 0) ||
    (op === "pow" && a.value === 0 && !(b!.value >= 0))
  );
}

/** A result that may be anything of its type; of a bool that is 0 or 1. */
const undecided = (type: DType, value: number): Bounded => (type === "bool" ? { value, error: 1 } : unknown(value));

/** Either of two values. */
const spread = (value: Bounded, other: Bounded): Bounded => {
  const error = Math.abs(value.value - other.value) + Math.max(value.error, other.error);
  return { value: value.value, error: Number.isNaN(error) ? Number.POSITIVE_INFINITY : error };
};

function corners(type: DType, { value, error }: Bounded): readonly number[] {
  if (error === 0) return [value];
  return type === "bool" ? [0, 1] : [value - error, value + error];
}

/** The error of a result once the operation itself has rounded. */
function rounded(op: ScalarOp, type: DType, value: number, error: number): Bounded {
  if (!isFloat(type)) return { value, error };
  if (!Number.isFinite(value)) return error === 0 ? certain(value) : unknown(value);
  const { ulps, absolute = 0 } = scalarAccuracy[op];
  const own = ulps === 0 ? 0 : Math.max(ulps * ulpOf(type, value), type === "float32" ? absolute : 0);
  const total = error + own;
  if (Math.abs(value) + total > floatLimits[type].greatest) return unknown(value);
  return flushable(type, { value, error: value === 0 && error === 0 ? 0 : total });
}

function flushable(type: DType, x: Bounded): Bounded {
  if (!isWideFloat(type) || x.value === 0 || !(Math.abs(x.value) - x.error < floatLimits[type].leastNormal)) return x;
  return { value: x.value, error: x.error + floatLimits[type].leastNormal };
}

function sequential(op: ReduceOp, type: DType): Reducer<Bounded> {
  let total = certain(identityOf(op, type));
  return {
    add: (x) => {
      total = apply(joinOf[op], type, type, [total, x]);
    },
    result: () => total,
  };
}

/** Any order of adding; the error grows with the magnitudes, not with the result. */
function floatSum(type: WideFloat): Reducer<Bounded> {
  const { greatest, epsilon } = floatLimits[type];
  let sum = 0;
  let finiteMagnitude = 0;
  let error = 0;
  let count = 0;
  return {
    add: (x) => {
      sum += x.value;
      if (Number.isFinite(x.value)) finiteMagnitude += Math.abs(x.value);
      error += Number.isFinite(x.value) || x.error === 0 ? x.error : Number.POSITIVE_INFINITY;
      count++;
    },
    result: () => {
      if (error === Number.POSITIVE_INFINITY || finiteMagnitude > greatest) return unknown(sum);
      if (!Number.isFinite(sum)) return certain(sum);
      const rounding = count < 2 ? 0 : sumRoundings(count) * (epsilon / 2) * finiteMagnitude;
      return flushable(type, { value: sum, error: error + rounding });
    },
  };
}
