// Softmax rows that leave some positions out: attention's masks. The mask is a condition inside the row, so it is never
// stored at the size of the scores, and the gradient needs the output alone.

import type { Expr } from "../kernel/expr.js";
import type { RowScope } from "../kernel/program.js";
import * as s from "../kernel/scalar.js";
import { alongRow } from "./declare.js";
import { aboveLowest, reciprocalOrZero } from "./rows.js";

/** e^x / Σ e^x over the positions that are not left out; the others are 0, and a row without any is zeros. */
function softmaxWithout(row: RowScope, x: Expr, left: Expr): Expr {
  const kept = s.select(left, Number.NEGATIVE_INFINITY, x);
  const top = s.detach(row.max(kept));
  const e = s.exp(s.sub(kept, aboveLowest(top)));
  return s.mul(e, reciprocalOrZero(row.sum(e)));
}

const gradient = (row: RowScope, _: readonly Expr[], y: Expr, dy: Expr): Expr[] => [
  s.mul(y, s.sub(dy, row.sum(s.mul(dy, y)))),
];

/** Operands: scores, and whether to leave each out. */
export const maskedSoftmaxRow = alongRow("maskedSoftmax", {
  doc: "Softmax along the last axis over the positions whose mask is 0; the others, and rows without any, are 0.",
  roles: ["full", "full"],
  integers: [1],
  body: (row, [x, mask]) => softmaxWithout(row, x!, s.cast(mask!, "bool")),
  gradient,
  gradientReads: "output",
  domain: [
    [-2, 2],
    [0, 2],
  ],
  cases: [
    {
      of: [
        [0, 5, 0],
        [0, 1, 0],
      ],
      gives: [0.5, 0, 0.5],
    },
  ],
});

/** Operands: scores, and the last position that each row may see. */
export const causalSoftmaxRow = alongRow("causalSoftmax", {
  doc: "Softmax along the last axis over the positions up to the row's own; later ones are 0.",
  roles: ["full", "row"],
  integers: [1],
  body: (row, [x, last]) => softmaxWithout(row, x!, s.gt(row.index, s.cast(last!, "int32"))),
  gradient,
  gradientReads: "output",
  domain: [
    [-2, 2],
    [0, 3],
  ],
  cases: [{ of: [[0, 0, 7], 1], gives: [0.5, 0.5, 0] }],
});

/** Operands: scores, whether to leave each out, and the last position that each row may see. */
export const causalMaskedSoftmaxRow = alongRow("causalMaskedSoftmax", {
  doc: "Softmax along the last axis over the positions up to the row's own whose mask is 0; the others are 0.",
  roles: ["full", "full", "row"],
  integers: [1, 2],
  body: (row, [x, mask, last]) =>
    softmaxWithout(row, x!, s.or(s.cast(mask!, "bool"), s.gt(row.index, s.cast(last!, "int32")))),
  gradient,
  gradientReads: "output",
  domain: [
    [-2, 2],
    [0, 2],
    [0, 3],
  ],
  cases: [{ of: [[3, 0, 7], [1, 0, 0], 1], gives: [0, 1, 0] }],
});
