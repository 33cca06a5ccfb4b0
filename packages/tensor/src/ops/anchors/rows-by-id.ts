// Rows of a table by their ids: gathered, added up, put into place.

import { cast } from "../../autograd/cast.js";
import { roleLayout } from "../../autograd/program-op.js";
import { record, type Variable } from "../../autograd/variable.js";
import { dense, tracks } from "../../autograd/views.js";
import { type DType, isHalf, type WideFloat } from "../../dtype.js";
import { constant } from "../../kernel/expr.js";
import * as s from "../../kernel/scalar.js";
import { anchor, element, fallback, inFloat32, type Laid, perRow, position, positionOn } from "./anchor.js";

/** Σ over the row of x where ids = position: gather ([rows, width, table]) and scatterAdd ([table, width, rows]) alike. */
const pickedSum = (label: "gather" | "scatterAdd", type: DType) =>
  perRow(label, type, [element(type), element("int32"), position], (row, x, id, at) => {
    const wide = type === "bool" ? "int32" : type;
    return s.cast(row.sum(s.select(s.eq(id!, at!), s.cast(x!, wide), constant(0, wide))), type);
  });

/** Rows of a [table, width] array by a dense int32 [rows] array of ids; [rows, width]. */
export function gatherRows<T extends Variable>(table: T, ids: T): T {
  const [size, width] = table.shape as [number, number];
  if (isHalf(table.dtype) && !table.device.supports({ op: "gather", attributes: { type: table.dtype }, rank: 3 }))
    return inFloat32(table, (wide) => gatherRows(wide, ids));
  const rows = ids.shape[0]!;
  const whole = dense(table);
  const sizes = [rows, width, size];
  const operands = [
    {
      variable: whole,
      layout: {
        shape: sizes,
        strides: [0, whole.layout.strides[1]!, whole.layout.strides[0]!],
        offset: whole.layout.offset,
      },
    },
    { variable: ids, layout: { shape: sizes, strides: [ids.layout.strides[0]!, 0, 0], offset: ids.layout.offset } },
  ];
  const native = anchor("gather", { type: table.dtype }, sizes, operands, [
    { shape: [rows, width], dtype: table.dtype },
  ]);
  const y =
    native?.[0] ?? fallback(pickedSum("gather", table.dtype), table, sizes, [...operands, positionOn(sizes, 2)]);
  if (tracks([table])) {
    record([y], {
      name: "gather",
      inputs: [whole, ids],
      saved: [ids],
      backward: ([g]) => [scatterAddRows(g as T, ids, size), undefined],
    });
  }
  return y as T;
}

/** Adds each row of [rows, width] to row ids[row] of zeros [size, width]. Rows of one id are added in order. */
export function scatterAddRows<T extends Variable>(x: T, ids: T, size: number): T {
  if (isHalf(x.dtype)) return inFloat32(x, (wide) => scatterAddRows(wide, ids, size));
  const [rows, width] = x.shape as [number, number];
  const sizes = [size, width, rows];
  const operands = [
    {
      variable: x,
      layout: { shape: sizes, strides: [0, x.layout.strides[1]!, x.layout.strides[0]!], offset: x.layout.offset },
    },
    { variable: ids, layout: { shape: sizes, strides: [0, 0, ids.layout.strides[0]!], offset: ids.layout.offset } },
  ];
  const type = x.dtype as WideFloat;
  const native = anchor("scatterAdd", { type }, sizes, operands, [{ shape: [size, width], dtype: type }]);
  const y = native?.[0] ?? fallback(pickedSum("scatterAdd", type), x, sizes, [...operands, positionOn(sizes, 0)]);
  if (tracks([x])) {
    record([y], {
      name: "scatterAdd",
      inputs: [x, ids],
      saved: [ids],
      backward: ([g]) => [gatherRows(g as T, ids), undefined],
    });
  }
  return y as T;
}

/** A table with rows added to it or put into it at ids; not differentiable. In place when it is what an update overwrites. */
export function scatterInto<T extends Variable>(table: T, ids: T, rows: T, mode: "add" | "set"): T {
  if (isHalf(table.dtype)) return inFloat32(table, (wide) => scatterInto(wide, ids, cast(rows, "float32"), mode));
  const [size, width] = table.shape as [number, number];
  const sizes = [size, width, ids.shape[0]!];
  const laid = (variable: Variable, strides: readonly number[]): Laid => ({
    variable,
    layout: { shape: sizes, strides, offset: variable.layout.offset },
  });
  const operands = [
    laid(rows, [0, rows.layout.strides[1]!, rows.layout.strides[0]!]),
    laid(ids, [0, 0, ids.layout.strides[0]!]),
    laid(table, [...table.layout.strides, 0]),
  ];
  const type = table.dtype as WideFloat;
  const native = anchor("scatterInto", { type, mode }, sizes, operands, [{ shape: table.shape, dtype: type }]);
  if (native) return native[0] as T;
  const base = { variable: table, layout: roleLayout(table, "row", sizes) };
  return fallback(intoOp(type, mode), table, sizes, [
    ...operands.slice(0, 2),
    positionOn(sizes, 0),
    positionOn(sizes, 2),
    base,
  ]) as T;
}

/** [table, width, rows]: the table's element with the rows of its id added, or the last of them in its place. */
const intoOp = (type: DType, mode: "add" | "set") =>
  perRow(
    "scatterInto",
    type + mode,
    [element(type), element("int32"), position, position, { kind: "buffer", type, role: "row" }],
    (row, x, id, target, place, base) => {
      const hit = s.eq(id!, target!);
      const last = row.max(s.select(hit, place!, constant(-1, "int32")));
      const chosen = mode === "add" ? hit : s.eq(place!, last);
      const sum = row.sum(s.select(chosen, x!, constant(0, type)));
      return mode === "add" ? s.add(base!, sum) : s.select(s.lt(last, 0), base!, sum);
    },
  );
