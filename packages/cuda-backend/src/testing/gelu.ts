// GELU's tanh form and its gradient as expressions, the way core writes and derives them.

import {
  differentiate,
  type Expr,
  type HalfType,
  input,
  makeProgram,
  rewrite,
  scalarAlgebra as s,
} from "@torchium/tensor/backend";

/** `½x(1 + tanh(√(2/π)(x + 0.044715x³)))`. */
export const geluTanh = (x: Expr): Expr => {
  const inner = s.mul(Math.sqrt(2 / Math.PI), s.add(x, s.mul(0.044715, s.mul(x, s.mul(x, x)))));
  return s.mul(s.mul(0.5, x), s.add(1, s.tanh(inner)));
};

/** The gradient `dy` behind GELU in 16 bits, carried back to `x`, which GELU was taken of. */
export function gradientOfGelu(type: HalfType, dy: Expr, x: Expr): Expr {
  const gelu = s.cast(geluTanh(s.cast(input(0, type, "full"), "float32")), type);
  const program = makeProgram({
    inputs: [{ kind: "buffer", type, role: "full" }],
    scalars: [],
    reduces: [],
    outputs: [{ expr: gelu, role: "full" }],
  });
  const leaf = (e: Expr): Expr => (e.kind === "input" ? (e.index === 0 ? x : dy) : e);
  return rewrite(differentiate(program, [0], [0]).outputs[0]!.expr, leaf, new Map());
}
