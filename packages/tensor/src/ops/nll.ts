// Negative log-likelihood of a row of log-probabilities: picks one element, so that it fuses with what made the row.

import { rowSize } from "../kernel/expr.js";
import * as s from "../kernel/scalar.js";
import { overRow } from "./declare.js";

/** Operands: log-probabilities, the target of each row. Scalar: the ignored target. */
export const nllRow = overRow("nll", {
  doc: "`−x[target]` along the last axis; 0 where the target is the ignored id, NaN where it is no position. Scalar: ignored id.",
  roles: ["full", "row"],
  integers: [1],
  scalars: 1,
  body: (row, [x, target], [ignored]) => {
    const known = s.and(s.ge(target!, 0), s.lt(target!, rowSize("int32")));
    const picked = s.select(known, row.sum(s.select(s.eq(row.index, target!), x!, 0)), Number.NaN);
    return s.select(s.eq(target!, s.cast(ignored!, "int32")), 0, s.neg(picked));
  },
  domain: [
    [-2, 0],
    [0, 3],
  ],
  cases: [{ of: [[-1, -2, -3], 1], gives: 2 }],
});
