// The vector maths as a table: what kernels look functions up in, with the error each one promises.
// Every row is tested against float64 over its whole range with and without relaxed SIMD.

import type { FunctionBuilder, Vector } from "../wasm/assembler.js";
import { f32x4 } from "../wasm/assembler.js";
import { emitErf, emitExp, emitExpm1, emitExpNonPositive, emitTanh } from "./exponential.js";
import { each, type Group } from "./group.js";
import { emitMulHigh } from "./integer.js";
import { emitLog, emitLog1p } from "./logarithm.js";
import { emitPow, emitRsqrt } from "./power.js";
import { emitCos, emitSin } from "./trigonometric.js";

/** A function over groups of vectors, all of one length; the result has that length too. */
export interface MathEmitter {
  readonly arity: 1 | 2;
  /**
   * Largest error in units in the last place of the float32 nearest to the exact value (0: exact, or rounded once).
   * Below the normal range a unit is 2⁻¹⁴⁹.
   */
  readonly maxUlp: number;
  readonly emit: (f: FunctionBuilder, operands: readonly Group[]) => Group;
}

type Unary = (f: FunctionBuilder, x: Group) => Group;
type Binary = (f: FunctionBuilder, x: Group, y: Group) => Group;

const unary = (maxUlp: number, emit: Unary): MathEmitter => ({
  arity: 1,
  maxUlp,
  emit: (f, operands) => emit(f, ...(operands as [Group])),
});

const binary = (maxUlp: number, emit: Binary): MathEmitter => ({
  arity: 2,
  maxUlp,
  emit: (f, operands) => emit(f, ...(operands as [Group, Group])),
});

const native = (instruction: (v: Vector) => Vector): MathEmitter => unary(0, (f, x) => each(f, instruction, x));

/** Vector maths by name, float32 lanes except `mulHighUnsigned` (uint32). */
export const mathEmitters = {
  /** Gradual underflow; ∞ from 88.73. */
  exp: unary(1.25, emitExp),
  /** For x ≤ 0 or NaN; what is below the normal range may become 0. */
  expNonPositive: unary(1.25, emitExpNonPositive),
  expm1: unary(2, emitExpm1),
  /** −∞ at 0, NaN below; denormals included. */
  log: unary(1, emitLog),
  log1p: unary(2, emitLog1p),
  tanh: unary(3, emitTanh),
  erf: unary(7, emitErf),
  /** |x| ≤ 2²⁶, NaN beyond; the sign of a zero result is not kept. */
  sin: unary(2, emitSin),
  cos: unary(2, emitCos),
  /** Special cases as in C. */
  pow: binary(1.25, emitPow),
  rsqrt: unary(1.5, emitRsqrt),
  sqrt: native(f32x4.sqrt),
  floor: native(f32x4.floor),
  ceil: native(f32x4.ceil),
  trunc: native(f32x4.trunc),
  /** Halves to even. */
  nearest: native(f32x4.nearest),
  mulHighUnsigned: binary(0, emitMulHigh),
} as const satisfies Record<string, MathEmitter>;
