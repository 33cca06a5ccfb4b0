// Sugar over the scalar algebra, for op declarations: plain functions that take expressions or numbers.

import { type DType, isFloat } from "../dtype.js";
import { unreachable } from "../errors.js";
import { apply, constant, type Expr, type Operand } from "./expr.js";

/** A number becomes a constant of the type of its neighbour. */
function lift(...xs: readonly Operand[]): Expr[] {
  const typed = xs.find((x): x is Expr => typeof x !== "number");
  if (!typed) return unreachable("an operation on numbers alone has no type");
  return xs.map((x) => (typeof x === "number" ? constant(x, typed.type) : x));
}

export const add = (a: Operand, b: Operand): Expr => apply("add", lift(a, b));
export const sub = (a: Operand, b: Operand): Expr => apply("sub", lift(a, b));
export const mul = (a: Operand, b: Operand): Expr => apply("mul", lift(a, b));
export const div = (a: Operand, b: Operand): Expr => apply("div", lift(a, b));
export const min = (a: Operand, b: Operand): Expr => apply("min", lift(a, b));
export const max = (a: Operand, b: Operand): Expr => apply("max", lift(a, b));
export const neg = (a: Expr): Expr => apply("neg", [a]);
export const abs = (a: Expr): Expr => apply("abs", [a]);
export const exp = (a: Expr): Expr => apply("exp", [a]);
export const log = (a: Expr): Expr => apply("log", [a]);
export const log1p = (a: Expr): Expr => apply("log1p", [a]);
export const expm1 = (a: Expr): Expr => apply("expm1", [a]);
export const sqrt = (a: Expr): Expr => apply("sqrt", [a]);
export const rsqrt = (a: Expr): Expr => apply("rsqrt", [a]);
export const tanh = (a: Expr): Expr => apply("tanh", [a]);
export const erf = (a: Expr): Expr => apply("erf", [a]);
export const sin = (a: Expr): Expr => apply("sin", [a]);
export const cos = (a: Expr): Expr => apply("cos", [a]);
export const pow = (a: Operand, b: Operand): Expr => apply("pow", lift(a, b));
export const floor = (a: Expr): Expr => apply("floor", [a]);
export const ceil = (a: Expr): Expr => apply("ceil", [a]);
export const trunc = (a: Expr): Expr => apply("trunc", [a]);
export const round = (a: Expr): Expr => apply("round", [a]);
export const eq = (a: Operand, b: Operand): Expr => apply("eq", lift(a, b));
export const ne = (a: Operand, b: Operand): Expr => apply("ne", lift(a, b));
export const lt = (a: Operand, b: Operand): Expr => apply("lt", lift(a, b));
export const le = (a: Operand, b: Operand): Expr => apply("le", lift(a, b));
export const gt = (a: Operand, b: Operand): Expr => lt(b, a);
export const ge = (a: Operand, b: Operand): Expr => le(b, a);
// biome-ignore lint/suspicious/noShadowRestrictedNames: it is read as `s.isNaN`.
export const isNaN = (a: Expr): Expr => apply("isNaN", [a]);
export const and = (a: Operand, b: Operand): Expr => apply("and", lift(a, b));
export const or = (a: Operand, b: Operand): Expr => apply("or", lift(a, b));
export const xor = (a: Operand, b: Operand): Expr => apply("xor", lift(a, b));
export const not = (a: Expr): Expr => apply("not", [a]);
export const shiftLeft = (a: Operand, b: Operand): Expr => apply("shiftLeft", lift(a, b));
export const shiftRight = (a: Operand, b: Operand): Expr => apply("shiftRight", lift(a, b));
export const mulHigh = (a: Operand, b: Operand): Expr => apply("mulHigh", lift(a, b));
export const select = (condition: Expr, yes: Operand, no: Operand): Expr => {
  const [y, n] = lift(yes, no);
  return apply("select", [condition, y!, n!]);
};
export const cast = (a: Expr, type: DType): Expr => apply("cast", [a], type);
/** The value, held constant for the gradient. */
export const detach = (a: Expr): Expr => apply("detach", [a]);
export const square = (a: Expr): Expr => mul(a, a);
export const sigmoid = (a: Expr): Expr => div(1, add(1, exp(neg(a))));
/** 1, 0 or −1 in the type of `a`; NaN stays NaN for floats. */
export const sign = (a: Expr): Expr => {
  const known = select(gt(a, 0), constant(1, a.type), select(lt(a, 0), constant(-1, a.type), constant(0, a.type)));
  return isFloat(a.type) ? select(isNaN(a), a, known) : known;
};
