// The order of a row's elements.

import { cast } from "../../autograd/cast.js";
import { applyProgram } from "../../autograd/program-op.js";
import type { Variable } from "../../autograd/variable.js";
import { type DType, isFloat, isHalf } from "../../dtype.js";
import type { Expr } from "../../kernel/expr.js";
import * as s from "../../kernel/scalar.js";
import { contiguous } from "../../shape.js";
import { anchor, element, perRow, position, positionOn } from "./anchor.js";

/** Positions (int32) that sort the last axis, stable, NaN largest. Without a sort anchor: by counting smaller ones. */
export function sortRows<T extends Variable>(x: T, descending: boolean): T {
  if (isHalf(x.dtype)) return sortRows(cast(x, "float32"), descending);
  const sizes = x.shape;
  const outputs = [
    { shape: sizes, dtype: x.dtype },
    { shape: sizes, dtype: "int32" as const },
  ];
  const native = anchor("sort", { type: x.dtype, descending }, sizes, [{ variable: x, layout: x.layout }], outputs);
  if (native) return native[1] as T;
  const rank = sizes.length;
  const n = sizes[rank - 1]!;
  const square = [...sizes, n];
  const { strides, offset } = x.layout;
  const own = { variable: x, layout: { shape: square, strides: [...strides, 0], offset } };
  const other = {
    variable: x,
    layout: { shape: square, strides: [...strides.slice(0, -1), 0, strides[rank - 1]!], offset },
  };
  const places = [positionOn(square, rank - 1), positionOn(square, rank)];
  // How many come before each element is the place it goes to; the inverse of that permutation is what sorts.
  const ranks = applyProgram(rankOp(x.dtype, descending), x, x.device, square, [own, other, ...places], [])[0]!;
  const inverse = {
    variable: ranks,
    layout: { shape: square, strides: [...contiguous(sizes).strides.slice(0, -1), 0, 1], offset: 0 },
  };
  return applyProgram(inverseOp(), x, x.device, square, [inverse, ...places], [])[0]!;
}

/** How many elements of a row come before each. */
const rankOp = (type: DType, descending: boolean) =>
  perRow(
    "sort",
    `rank${type}${descending}`,
    [element(type), element(type), position, position],
    (row, a, b, own, other) => {
      const number = (e: Expr) => (type === "bool" ? s.cast(e, "int32") : e);
      const less = (p: Expr, q: Expr) => {
        const plain = s.lt(number(p), number(q));
        return isFloat(type) ? s.or(plain, s.and(s.isNaN(q), s.not(s.isNaN(p)))) : plain;
      };
      const before = descending ? less(a!, b!) : less(b!, a!);
      const after = descending ? less(b!, a!) : less(a!, b!);
      const tie = s.and(s.not(s.or(before, after)), s.lt(other!, own!));
      return row.sum(s.cast(s.or(before, tie), "int32"));
    },
  );

/** Where in a row of places each position stands. */
const inverseOp = () =>
  perRow("sort", "inverse", [element("int32"), position, position], (row, place, at, source) =>
    row.sum(s.select(s.eq(place!, at!), source!, 0)),
  );
