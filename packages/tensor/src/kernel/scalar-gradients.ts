// Derivatives of the scalar algebra: one row per operation. `g` is the gradient of the result; a row returns the
// gradient of each operand, null where there is none. Selection selects, it never multiplies by 0.

import { arithmeticTypeOf } from "../dtype.js";
import { constant, type Expr } from "./expr.js";
import * as s from "./scalar.js";
import type { ScalarOp } from "./scalar-ops.js";

type GradientRule = (g: Expr, args: readonly [Expr, Expr, Expr], y: Expr) => readonly (Expr | null)[];

const none: GradientRule = () => [null, null, null];
const zero = (g: Expr): Expr => constant(0, g.type);

/** The derivative of every scalar operation. */
export const scalarGradients: Readonly<Record<ScalarOp, GradientRule>> = {
  add: (g) => [g, g],
  sub: (g) => [g, s.neg(g)],
  mul: (g, [a, b]) => [s.mul(g, b), s.mul(g, a)],
  div: (g, [, b], y) => [s.div(g, b), s.neg(s.div(s.mul(g, y), b))],
  neg: (g) => [s.neg(g)],
  abs: (g, [a]) => [s.mul(g, s.sign(a))],
  // A tie shares the gradient, as in PyTorch.
  min: (g, [a, b]) => [
    s.select(s.eq(a, b), s.mul(g, 0.5), s.select(s.lt(a, b), g, 0)),
    s.select(s.eq(a, b), s.mul(g, 0.5), s.select(s.lt(b, a), g, 0)),
  ],
  max: (g, [a, b]) => [
    s.select(s.eq(a, b), s.mul(g, 0.5), s.select(s.lt(b, a), g, 0)),
    s.select(s.eq(a, b), s.mul(g, 0.5), s.select(s.lt(a, b), g, 0)),
  ],
  exp: (g, _, y) => [s.mul(g, y)],
  log: (g, [a]) => [s.div(g, a)],
  log1p: (g, [a]) => [s.div(g, s.add(1, a))],
  expm1: (g, _, y) => [s.mul(g, s.add(y, 1))],
  sqrt: (g, _, y) => [s.div(s.mul(g, 0.5), y)],
  rsqrt: (g, _, y) => [s.mul(s.mul(g, -0.5), s.mul(y, s.mul(y, y)))],
  tanh: (g, _, y) => [s.mul(g, s.sub(1, s.mul(y, y)))],
  erf: (g, [a]) => [s.mul(g, s.mul(2 / Math.sqrt(Math.PI), s.exp(s.neg(s.mul(a, a)))))],
  sin: (g, [a]) => [s.mul(g, s.cos(a))],
  cos: (g, [a]) => [s.neg(s.mul(g, s.sin(a)))],
  // x^0 has gradient 0 at 0, and the exponent's is 0 where the base is 0 and the power finite.
  pow: (g, [a, b], y) => [
    s.select(s.eq(b, 0), zero(g), s.mul(g, s.mul(b, s.pow(a, s.sub(b, 1))))),
    s.select(s.and(s.eq(a, 0), s.ge(b, 0)), zero(g), s.mul(g, s.mul(y, s.log(a)))),
  ],
  floor: none,
  ceil: none,
  trunc: none,
  round: none,
  eq: none,
  ne: none,
  lt: none,
  le: none,
  isNaN: none,
  and: none,
  or: none,
  xor: none,
  not: none,
  shiftLeft: none,
  shiftRight: none,
  mulHigh: none,
  select: (g, [c]) => [null, s.select(c, g, 0), s.select(c, zero(g), g)],
  // What is stored in 16 bits has its gradient in float32 until it is stored itself.
  cast: (g, [a]) => [s.cast(g, arithmeticTypeOf(a.type))],
  detach: none,
};
