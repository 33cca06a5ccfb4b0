// Running sums.

import type { ProgramOperand } from "../../autograd/program-op.js";
import { record, type Variable } from "../../autograd/variable.js";
import { tracks } from "../../autograd/views.js";
import { type DType, isHalf } from "../../dtype.js";
import { constant } from "../../kernel/expr.js";
import * as s from "../../kernel/scalar.js";
import type { Shape } from "../../shape.js";
import { anchor, element, fallback, inFloat32, perRow, position, positionOn } from "./anchor.js";

/** Σ of everything up to each position along the last axis (from the end when `reverse`). */
export function cumulativeSum<T extends Variable>(x: T, reverse: boolean): T {
  if (isHalf(x.dtype)) return inFloat32(x, (wide) => cumulativeSum(wide, reverse));
  const sizes = x.shape;
  const native = anchor(
    "scan",
    { type: x.dtype, reverse },
    sizes,
    [{ variable: x, layout: x.layout }],
    [{ shape: sizes, dtype: x.dtype }],
  );
  const y = native?.[0] ?? fallback(scanOp(x.dtype, reverse), x, ...scanOperands(x));
  if (tracks([x])) {
    record([y], {
      name: "cumsum",
      inputs: [x],
      saved: [],
      backward: ([g]) => [g && cumulativeSum(g as T, !reverse)],
    });
  }
  return y as T;
}

function scanOperands(x: Variable): [Shape, ProgramOperand[]] {
  const sizes = x.shape;
  const n = sizes[sizes.length - 1]!;
  const square = [...sizes, n];
  const along = {
    shape: square,
    strides: [...x.layout.strides.slice(0, -1), 0, x.layout.strides[sizes.length - 1]!],
    offset: x.layout.offset,
  };
  const places = [positionOn(square, sizes.length - 1), positionOn(square, sizes.length)];
  return [square, [{ variable: x, layout: along }, ...places]];
}

/** Over [outer…, target, source]: the sum of what is at or before each place, or at and after it. */
const scanOp = (type: DType, reverse: boolean) =>
  perRow("cumsum", type + reverse, [element(type), position, position], (row, x, target, source) => {
    const inside = reverse ? s.le(target!, source!) : s.le(source!, target!);
    return row.sum(s.select(inside, x!, constant(0, type)));
  });
