// Arithmetic, comparison and logic on broadcast operands.

import { isFloat } from "../dtype.js";
import type { Expr } from "../kernel/expr.js";
import * as s from "../kernel/scalar.js";
import { binary, conditional, ternary, unary } from "./declare.js";

export const add = binary("add", {
  doc: "`a + b`.",
  types: "number",
  body: (a, b) => s.add(a, b),
  cases: [
    {
      of: [
        [1, 2],
        [10, 20],
      ],
      gives: [11, 22],
    },
    { of: [[1, 2], 0.5], gives: [1.5, 2.5] },
  ],
});

export const sub = binary("sub", {
  doc: "`a − b`.",
  body: (a, b) => s.sub(a, b),
  cases: [
    {
      of: [
        [1, 2],
        [10, 20],
      ],
      gives: [-9, -18],
    },
    { of: [1, [3]], gives: [-2] },
  ],
});

export const mul = binary("mul", {
  doc: "`a · b`.",
  body: (a, b) => s.mul(a, b),
  cases: [
    {
      of: [
        [1, 2],
        [10, 20],
      ],
      gives: [10, 40],
    },
  ],
});

export const div = binary("div", {
  doc: "`a / b`; integers become float32.",
  types: "float",
  domain: [
    [-2, 2],
    [0.5, 3],
  ],
  body: (a, b) => s.div(a, b),
  cases: [
    {
      of: [
        [1, 2],
        [2, 4],
      ],
      gives: [0.5, 0.5],
    },
  ],
});

/** The quotient rounded down, and what remains, in the operands' own type. */
function floored(a: Expr, b: Expr): { readonly quotient: Expr; readonly rest: Expr } {
  if (isFloat(a.type)) {
    const quotient = s.floor(s.div(a, b));
    return { quotient, rest: s.sub(a, s.mul(b, quotient)) };
  }
  const towardsZero = s.div(a, b);
  const left = s.sub(a, s.mul(b, towardsZero));
  const signs = a.type === "uint32" ? s.ne(a, a) : s.xor(s.lt(left, 0), s.lt(b, 0));
  const over = s.and(s.ne(left, 0), signs);
  return { quotient: s.select(over, s.sub(towardsZero, 1), towardsZero), rest: s.select(over, s.add(left, b), left) };
}

export const floorDivide = binary("floorDivide", {
  doc: "`⌊a / b⌋`; by an integer 0, 0.",
  domain: [
    [-5, 5],
    [0.5, 3],
  ],
  body: (a, b) => floored(a, b).quotient,
  cases: [
    { of: [[7, -7], 2], gives: [3, -4] },
    { of: [[7, -7], 2], gives: [3, -4], dtype: "int32" },
  ],
});

export const remainder = binary("remainder", {
  doc: "`a − b⌊a / b⌋`: the sign is b's, as in Python.",
  domain: [
    [0.6, 0.9],
    [1, 3],
  ],
  body: (a, b) => floored(a, b).rest,
  cases: [
    { of: [[7, -7], 3], gives: [1, 2] },
    { of: [[7, -7, 6], -3], gives: [-2, -1, 0], dtype: "int32" },
  ],
});

export const powBy = binary("pow", {
  doc: "`a^b`.",
  types: "float",
  domain: [
    [0.3, 3],
    [-2, 2],
  ],
  ulps: 64,
  body: (a, b) => s.pow(a, b),
  cases: [
    {
      of: [
        [2, 9],
        [3, 0.5],
      ],
      gives: [8, 3],
    },
  ],
});

export const minimum = binary("minimum", {
  doc: "The smaller of two; NaN wins.",
  body: (a, b) => s.min(a, b),
  cases: [
    {
      of: [
        [1, 5],
        [3, 2],
      ],
      gives: [1, 2],
    },
  ],
});

export const maximum = binary("maximum", {
  doc: "The larger of two; NaN wins.",
  body: (a, b) => s.max(a, b),
  cases: [
    {
      of: [
        [1, 5],
        [3, 2],
      ],
      gives: [3, 5],
    },
  ],
});

export const neg = unary("neg", { doc: "`−x`.", body: (x) => s.neg(x), cases: [{ of: [[1, -2]], gives: [-1, 2] }] });

export const eq = binary("eq", {
  doc: "`a = b`, as bool.",
  types: "any",
  body: (a, b) => s.eq(a, b),
  cases: [
    {
      of: [
        [1, 2],
        [1, 3],
      ],
      gives: [true, false],
    },
  ],
});
export const ne = binary("ne", {
  doc: "`a ≠ b`, as bool.",
  types: "any",
  body: (a, b) => s.ne(a, b),
  cases: [
    {
      of: [
        [1, 2],
        [1, 3],
      ],
      gives: [false, true],
    },
  ],
});
export const lt = binary("lt", {
  doc: "`a < b`, as bool.",
  body: (a, b) => s.lt(a, b),
  cases: [
    {
      of: [
        [1, 3],
        [2, 2],
      ],
      gives: [true, false],
    },
  ],
});
export const le = binary("le", {
  doc: "`a ≤ b`, as bool.",
  body: (a, b) => s.le(a, b),
  cases: [
    {
      of: [
        [2, 3],
        [2, 2],
      ],
      gives: [true, false],
    },
  ],
});
export const gt = binary("gt", {
  doc: "`a > b`, as bool.",
  body: (a, b) => s.gt(a, b),
  cases: [
    {
      of: [
        [1, 3],
        [2, 2],
      ],
      gives: [false, true],
    },
  ],
});
export const ge = binary("ge", {
  doc: "`a ≥ b`, as bool.",
  body: (a, b) => s.ge(a, b),
  cases: [
    {
      of: [
        [2, 1],
        [2, 2],
      ],
      gives: [true, false],
    },
  ],
});

export const logicalAnd = binary("logicalAnd", {
  doc: "Both are non-zero.",
  types: "bool",
  body: (a, b) => s.and(a, b),
  cases: [
    {
      of: [
        [1, 2],
        [0, 3],
      ],
      gives: [false, true],
    },
  ],
});
export const logicalOr = binary("logicalOr", {
  doc: "One is non-zero.",
  types: "bool",
  body: (a, b) => s.or(a, b),
  cases: [
    {
      of: [
        [1, 0],
        [0, 0],
      ],
      gives: [true, false],
    },
  ],
});
export const logicalXor = binary("logicalXor", {
  doc: "Exactly one is non-zero.",
  types: "bool",
  body: (a, b) => s.xor(a, b),
  cases: [
    {
      of: [
        [1, 2],
        [0, 3],
      ],
      gives: [true, false],
    },
  ],
});
export const logicalNot = unary("logicalNot", {
  doc: "Is zero.",
  types: "bool",
  body: (x) => s.not(x),
  cases: [{ of: [[1, 0]], gives: [false, true] }],
});

export const clampBetween = ternary("clamp", {
  doc: "`min(max(x, low), high)`; the gradient passes where x lies within the bounds, both included.",
  domain: [
    [-2, 2],
    [-1.5, -0.5],
    [0.5, 1.5],
  ],
  body: (x, low, high) => s.select(s.lt(x, low), low, s.select(s.lt(high, x), high, x)),
  cases: [{ of: [[-3, 0, 3], -1, 2], gives: [-1, 0, 2] }],
});

export const lerp = ternary("lerp", {
  doc: "`a + w(b − a)`.",
  types: "float",
  body: (a, b, w) => s.add(a, s.mul(w, s.sub(b, a))),
  cases: [{ of: [[0, 10], [10, 20], 0.5], gives: [5, 15] }],
});

export const isnan = unary("isnan", {
  doc: "Whether x is not a number.",
  types: "float",
  body: (x) => s.isNaN(x),
  cases: [{ of: [[1, "nan"]], gives: [false, true] }],
});

export const where = conditional("where", {
  doc: "a where the condition is non-zero, else b; the gradient selects, it does not multiply.",
  types: "any",
  domain: [
    [0, 1],
    [-2, 2],
    [-2, 2],
  ],
  body: (c, a, b) => s.select(c, a, b),
  cases: [
    {
      of: [
        [1, 0],
        [1, 2],
        [3, 4],
      ],
      gives: [1, 4],
    },
  ],
});

export const isfinite = unary("isfinite", {
  doc: "Whether x is neither infinite nor NaN.",
  types: "float",
  body: (x) => s.lt(s.abs(x), Number.POSITIVE_INFINITY),
  cases: [{ of: [[1, "inf", "nan"]], gives: [true, false, false] }],
});
