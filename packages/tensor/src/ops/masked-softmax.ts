// Softmax rows of attention: the scores are scaled on the way, so that no launch does that alone, and some positions are
// left out. The mask is a condition inside the row, so it is never stored at the size of the scores, and the gradient
// needs the output alone.

import { type Expr, scalar } from "../kernel/expr.js";
import * as s from "../kernel/scalar.js";
import { alongRow, type RowSpec } from "./declare.js";
import { aboveLowest, reciprocalOrZero } from "./rows.js";

/** e^kx / Σ e^kx over the positions that are not left out; the others are 0, and a row without any is zeros. */
const scaledSoftmax = (
  name: string,
  masks: readonly ("full" | "row")[],
  left: ((index: Expr, masks: readonly Expr[]) => Expr) | undefined,
  { doc, cases }: Pick<RowSpec, "doc" | "cases">,
) =>
  alongRow(name, {
    doc: `Softmax along the last axis of what is scaled, over ${doc}; others, and rows without any, are 0. Scalar: the scale.`,
    roles: ["full", ...masks],
    integers: masks.map((_, i) => i + 1),
    scalars: 1,
    body: (row, [x, ...given], [scale]) => {
      const scaled = s.mul(x!, scale!);
      const kept = left ? s.select(left(row.index, given), Number.NEGATIVE_INFINITY, scaled) : scaled;
      const e = s.exp(s.sub(kept, aboveLowest(s.detach(row.max(kept)))));
      return s.mul(e, reciprocalOrZero(row.sum(e)));
    },
    gradient: (row, _, y, dy) => [s.mul(s.mul(y, s.sub(dy, row.sum(s.mul(dy, y)))), scalar(0, y.type))],
    gradientReads: "output",
    domain: [[-2, 2], ...masks.map((role) => [0, role === "full" ? 2 : 3] as const)],
    cases,
  });

const isSet = (mask: Expr | undefined): Expr => s.cast(mask!, "bool");
const isAfter = (index: Expr, last: Expr | undefined): Expr => s.gt(index, s.cast(last!, "int32"));

/** Operands: scores. */
export const scaledSoftmaxRow = scaledSoftmax("scaledSoftmax", [], undefined, {
  doc: "all positions",
  cases: [{ of: [[0, 0]], gives: [0.5, 0.5] }],
});

/** Operands: scores, and whether to leave each out. */
export const maskedSoftmaxRow = scaledSoftmax("maskedSoftmax", ["full"], (_, [mask]) => isSet(mask), {
  doc: "the positions whose mask is 0",
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
export const causalSoftmaxRow = scaledSoftmax("causalSoftmax", ["row"], (index, [last]) => isAfter(index, last), {
  doc: "the positions up to the row's own",
  cases: [{ of: [[0, 0, 7], 1], gives: [0.5, 0.5, 0] }],
});

/** Operands: scores, whether to leave each out, and the last position that each row may see. */
export const causalMaskedSoftmaxRow = scaledSoftmax(
  "causalMaskedSoftmax",
  ["full", "row"],
  (index, [mask, last]) => s.or(isSet(mask), isAfter(index, last)),
  {
    doc: "the positions up to the row's own whose mask is 0",
    cases: [{ of: [[3, 0, 7], [1, 0, 0], 1], gives: [0, 1, 0] }],
  },
);
