// Every scalar operation on vector registers. The meaning is that of kernel/scalar-ops.ts; a missing row does not compile.

import { type DType, type HalfType, isFloat, isHalf } from "../../dtype.js";
import { unreachable } from "../../errors.js";
import type { Expr } from "../../kernel/expr.js";
import type { ScalarOp } from "../../kernel/scalar-ops.js";
import { mathEmitters } from "../math/math.js";
import { type FunctionBuilder, f32x4, f64x2, i32, i32x4, type Local, type Vector, v128 } from "../wasm/assembler.js";
import { castVectors, joinPairs, upperAndLower } from "./casts.js";
import type { DoubleFunction, DoubleMath } from "./double-math.js";
import { constantVector, each, narrowMasks, type Vectors, widenMasks } from "./lanes.js";

/** One operation to emit: its operands in registers, all over runs of the same length. */
export type Application = {
  readonly f: FunctionBuilder;
  /** There whenever the program needs a float64 function. */
  readonly doubles: DoubleMath | undefined;
  readonly args: readonly Vectors[];
  /** The operands as the program has them. */
  readonly exprs: readonly Expr[];
  /** Whether all lanes of an operand are equal. */
  readonly uniform: readonly boolean[];
  /** Whether an operand is never above 0. */
  readonly isNonPositive: (operand: Expr) => boolean;
  /** The type of the operands; of `select`, of the two it chooses from. */
  readonly operand: DType;
  readonly type: DType;
};

type Emitter = (a: Application) => Vectors;
type OneVector = (...xs: Local<"v128">[]) => Vector;
type Kind = "f32" | "f64" | "i32" | "u32" | "bool";

type Rules = Partial<Record<Kind, OneVector>>;

const kinds = { float32: "f32", float64: "f64", int32: "i32", uint32: "u32", bool: "bool" } as const satisfies Record<
  Exclude<DType, HalfType>,
  Kind
>;

/** An instruction a kind of lane; kinds that are absent are outside the operation's domain. */
const lanewise =
  (rules: Rules): Emitter =>
  ({ f, args, operand }) => {
    const rule = isHalf(operand) ? undefined : rules[kinds[operand]];
    return each(f, args, rule ?? unreachable(`no instruction for ${operand}`));
  };

/** The same, giving lane masks. */
const comparison =
  (rules: Record<Kind, OneVector>): Emitter =>
  (a) => {
    const masks = lanewise(rules)(a);
    return a.operand === "float64" ? narrowMasks(a.f, masks) : masks;
  };

const integers = (op: OneVector) => ({ i32: op, u32: op });
const bits = (op: OneVector) => ({ i32: op, u32: op, bool: op });
const same: OneVector = (x) => x!;

const rounding = (single: OneVector, double: OneVector): Emitter => lanewise({ f32: single, f64: double });

/** A function of one float: vectorised for float32, lane by lane for float64. */
const maths =
  (name: DoubleFunction): Emitter =>
  ({ f, args, operand, doubles }) =>
    operand === "float32" ? mathEmitters[name].emit(f, args) : doubles!.unary(f, name, args[0]!);

/**
 * Minimum or maximum. `pmin` and `pmax` give their first operand when either is NaN, in one instruction instead of
 * eight: enough where the second is a number for certain.
 */
const extreme =
  (quick: Rules, whole: Rules): Emitter =>
  (a) => {
    const [first, second] = a.exprs as [Expr, Expr];
    if (!isFloat(a.operand)) return lanewise(whole)(a);
    if (isNumber(second)) return lanewise(quick)(a);
    if (isNumber(first)) return lanewise(quick)({ ...a, args: [a.args[1]!, a.args[0]!] });
    return lanewise(whole)(a);
  };

const isNumber = (e: Expr): boolean => e.kind === "const" && !Number.isNaN(e.value);

/** How each operation is written for vectors. */
export const scalarEmitters = {
  add: lanewise({ f32: f32x4.add, f64: f64x2.add, ...integers(i32x4.add) }),
  sub: lanewise({ f32: f32x4.sub, f64: f64x2.sub, ...integers(i32x4.sub) }),
  mul: lanewise({ f32: f32x4.mul, f64: f64x2.mul, ...integers(i32x4.mul) }),
  div: (a) => (isFloat(a.operand) ? lanewise({ f32: f32x4.div, f64: f64x2.div })(a) : divideIntegers(a)),
  neg: lanewise({ f32: f32x4.neg, f64: f64x2.neg, ...integers(i32x4.neg) }),
  abs: lanewise({ f32: f32x4.abs, f64: f64x2.abs, i32: i32x4.abs, u32: same }),
  min: extreme(
    { f32: f32x4.pmin, f64: f64x2.pmin },
    { f32: f32x4.min, f64: f64x2.min, i32: i32x4.minS, u32: i32x4.minU },
  ),
  max: extreme(
    { f32: f32x4.pmax, f64: f64x2.pmax },
    { f32: f32x4.max, f64: f64x2.max, i32: i32x4.maxS, u32: i32x4.maxU },
  ),
  exp: (a) => {
    if (a.operand === "float32" && a.isNonPositive(a.exprs[0]!)) return mathEmitters.expNonPositive.emit(a.f, a.args);
    return maths("exp")(a);
  },
  log: maths("log"),
  log1p: maths("log1p"),
  expm1: maths("expm1"),
  sqrt: lanewise({ f32: f32x4.sqrt, f64: f64x2.sqrt }),
  rsqrt: ({ f, args, operand }) => {
    const one = constantVector(f, operand, 1);
    const { div, sqrt } = operand === "float32" ? f32x4 : f64x2;
    return each(f, args, (x) => div(one, sqrt(x)));
  },
  tanh: maths("tanh"),
  erf: maths("erf"),
  sin: maths("sin"),
  cos: maths("cos"),
  pow: ({ f, args, operand, doubles }) =>
    operand === "float32" ? mathEmitters.pow.emit(f, args) : doubles!.pow(f, args[0]!, args[1]!),
  floor: rounding(f32x4.floor, f64x2.floor),
  ceil: rounding(f32x4.ceil, f64x2.ceil),
  trunc: rounding(f32x4.trunc, f64x2.trunc),
  round: rounding(f32x4.nearest, f64x2.nearest),
  eq: comparison({ f32: f32x4.eq, f64: f64x2.eq, ...bits(i32x4.eq) }),
  ne: comparison({ f32: f32x4.ne, f64: f64x2.ne, ...bits(i32x4.ne) }),
  lt: comparison({ f32: f32x4.lt, f64: f64x2.lt, i32: i32x4.ltS, u32: i32x4.ltU, bool: (a, b) => v128.andnot(b!, a!) }),
  le: comparison({
    f32: f32x4.le,
    f64: f64x2.le,
    i32: i32x4.leS,
    u32: i32x4.leU,
    bool: (a, b) => v128.or(b!, v128.not(a!)),
  }),
  isNaN: (a) => {
    const masks = each(a.f, a.args, (x) => (a.operand === "float32" ? f32x4 : f64x2).ne(x, x));
    return a.operand === "float64" ? narrowMasks(a.f, masks) : masks;
  },
  and: lanewise(bits(v128.and)),
  or: lanewise(bits(v128.or)),
  xor: lanewise(bits(v128.xor)),
  not: lanewise(bits(v128.not)),
  shiftLeft: (a) => shift(a, i32x4.shl, i32.shl),
  shiftRight: (a) => (a.operand === "uint32" ? shift(a, i32x4.shrU, i32.shrU) : shift(a, i32x4.shrS, i32.shrS)),
  mulHigh: ({ f, args }) => mathEmitters.mulHighUnsigned.emit(f, args),
  select: ({ f, args, operand }) => {
    const masks = operand === "float64" ? widenMasks(f, args[0]!) : args[0]!;
    return each(f, [args[1]!, args[2]!, masks], (yes, no, mask) => v128.bitselect(yes, no, mask));
  },
  cast: ({ f, args, operand, type }) => castVectors(f, operand, type, args[0]!),
  detach: ({ args }) => args[0]!,
} as const satisfies Record<ScalarOp, Emitter>;

// 32-bit integers are exact in float64 and so is the truncated quotient. By 0 gives 0; the least integer by −1 wraps.
function divideIntegers({ f, args, operand }: Application): Vectors {
  const [a, b] = args as [Vectors, Vectors];
  const signed = operand === "int32";
  const convert = signed ? f64x2.convertLowI32x4S : f64x2.convertLowI32x4U;
  const quotients = joinPairs(
    f,
    each(f, [upperAndLower(f, a, convert), upperAndLower(f, b, convert)], f64x2.div),
    signed ? i32x4.truncSatF64x2SZero : i32x4.truncSatF64x2UZero,
  );
  const zero = f.constants.i32x4(0);
  const nonzero = each(f, [quotients, b], (q, y) => v128.andnot(q, i32x4.eq(y, zero)));
  if (!signed) return nonzero;
  const minusOne = f.constants.i32x4(-1);
  return each(f, [nonzero, a, b], (q, x, y) => v128.bitselect(i32x4.neg(x), q, i32x4.eq(y, minusOne)));
}

// One count for all lanes is one instruction; the engine prefers a literal.
function shift({ f, args, exprs, uniform }: Application, vector: typeof i32x4.shl, lane: typeof i32.shl): Vectors {
  const [values, counts] = args as [Vectors, Vectors];
  const count = exprs[1]!;
  if (count.kind === "const") return each(f, [values], (x) => vector(x, count.value & 31));
  if (uniform[1]) return each(f, [values, counts], (x, n) => vector(x, i32x4.extractLane(n, 0)));
  return each(f, [values, counts], (x, n) => {
    const shifted = ([0, 1, 2, 3] as const).map((k) => lane(i32x4.extractLane(x, k), i32x4.extractLane(n, k)));
    return shifted.reduce<Vector>((out, value, k) => i32x4.replaceLane(out, k as 0 | 1 | 2 | 3, value), x);
  });
}
