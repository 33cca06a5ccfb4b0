// Reading and writing by index: embedding, gather, scatterAdd, indexSelect, masks by position, one-hot.
// Ids that the host holds are range-checked here; others by guarded kernels, whose faults appear when a value is read.

import { checkFlags, checkInteger } from "../arguments.js";
import { cast } from "../autograd/cast.js";
import { axisOf, checkTensor } from "../autograd/checks.js";
import { withGrad } from "../autograd/mode.js";
import { applyProgram, makeProgramOp, type ProgramOp, sameDevice } from "../autograd/program-op.js";
import { record, type Variable } from "../autograd/variable.js";
import { expand, permute, reshape, tracks } from "../autograd/views.js";
import { checkDType, type DType, isFloat, isInteger } from "../dtype.js";
import { shapeError, TensorError } from "../errors.js";
import { hostValuesOf } from "../graph/node.js";
import { constant, input, scalar } from "../kernel/expr.js";
import { makeProgram } from "../kernel/program.js";
import * as s from "../kernel/scalar.js";
import { sizeOf } from "../shape.js";
import { gatherRows, scatterAddRows } from "./anchors/rows-by-id.js";
import { add, mul } from "./arithmetic.js";

/** @throws TensorError `dtype` unless integer, `index` when the host knows of an id outside [0, size) */
export function checkIds(op: string, ids: Variable, size: number, ignored?: number): void {
  checkTensor(op, ids, "ids");
  if (!isInteger(ids.dtype))
    throw new TensorError(
      "dtype",
      `${op}: ids must be integers, got ${ids.dtype}, expected int32 (as x.to("int32") gives)`,
      { op },
    );
  const host = hostValuesOf(ids.value, ids.layout);
  if (!host) return;
  for (let i = 0; i < host.length; i++) {
    const id = host[i]!;
    if ((id >= 0 && id < size) || id === ignored) continue;
    throw new TensorError("index", `${op}: id is out of range, got ${id} at position ${i}, expected [0, ${size - 1}]`, {
      op,
      id,
      position: i,
      size,
    });
  }
}

const asInt = <T extends Variable>(ids: T): T => cast(ids, "int32");

/**
 * Rows of a [size, width] table by ids of any shape; [ids…, width]. With `sparse` the table's gradient holds the rows
 * used and no others. @throws TensorError `index`, `shape`, `dtype`
 */
export function embedding<T extends Variable>(table: T, ids: T, options: { readonly sparse?: boolean } = {}): T {
  checkTensor("embedding", table, "the table");
  checkFlags("embedding", options, ["sparse"]);
  if (table.shape.length !== 2) throw shapeError("embedding", "the table needs two axes", [table.shape]);
  sameDevice("embedding", [table, ids]);
  checkIds("embedding", ids, table.shape[0]!);
  const flat = reshape(asInt(ids), [sizeOf(ids.shape)]);
  const shape = [...ids.shape, table.shape[1]!];
  if (!options.sparse || !tracks([table])) return reshape(gatherRows(table, flat), shape);
  const rows = withGrad("embedding", false, () => gatherRows(table, flat));
  const size = table.shape[0]!;
  record([rows], {
    name: "embedding",
    inputs: [table],
    saved: [],
    backward: ([g]) => [g && { ids: flat, rows: g, dense: () => scatterAddRows(g, flat as Variable, size) }],
  });
  return reshape(rows, shape);
}

/** The slices of x along `dim` that a vector of ids names. @throws TensorError `index`, `shape`, `dtype` */
export function indexSelect<T extends Variable>(x: T, dim: number, ids: T): T {
  const axis = axisOf("indexSelect", x, dim);
  checkTensor("indexSelect", ids, "ids");
  if (ids.shape.length !== 1) throw shapeError("indexSelect", "ids must be a vector", [ids.shape]);
  checkIds("indexSelect", ids, x.shape[axis]!);
  const order = [axis, ...x.shape.map((_, i) => i).filter((i) => i !== axis)];
  const rest = order.slice(1).map((i) => x.shape[i]!);
  const rows = gatherRows(reshape(permute(x, order), [x.shape[axis]!, sizeOf(rest)]), asInt(ids));
  const back = new Array<number>(order.length);
  order.forEach((from, i) => {
    back[from] = i;
  });
  return permute(reshape(rows, [ids.shape[0]!, ...rest]), back);
}

/** Flat positions in an array of `shape` of the elements that ids name along `axis`. */
function flatPositions<T extends Variable>(ids: T, shape: readonly number[], axis: number): T {
  const unit = sizeOf(shape.slice(axis + 1));
  let at = mul(ids, unit);
  for (let i = 0; i < shape.length; i++) {
    if (i === axis) continue;
    at = add(at, mul(positions(ids, i), sizeOf(shape.slice(i + 1))));
  }
  return reshape(at, [sizeOf(ids.shape)]);
}

function checkGather(op: string, x: Variable, axis: number, ids: Variable): void {
  checkTensor(op, ids, "ids");
  const fits = ids.shape.length === x.shape.length && ids.shape.every((d, i) => i === axis || d <= x.shape[i]!);
  if (!fits) throw shapeError(op, `ids must fit inside the tensor except along dim ${axis}`, [x.shape, ids.shape]);
  sameDevice(op, [x, ids]);
  checkIds(op, ids, x.shape[axis]!);
}

/** out[i][j] = x[ids[i][j]][j] for dim 0, and so on: PyTorch's gather. @throws TensorError `index`, `shape`, `dtype` */
export function gather<T extends Variable>(x: T, dim: number, ids: T): T {
  const axis = axisOf("gather", x, dim);
  checkGather("gather", x, axis, ids);
  const flat = reshape(x, [sizeOf(x.shape), 1]);
  return reshape(gatherRows(flat, flatPositions(asInt(ids), x.shape, axis)), ids.shape);
}

/** x with src added at the places ids name along dim: PyTorch's scatter_add, out of place and deterministic. */
export function scatterAdd<T extends Variable>(x: T, dim: number, ids: T, src: T): T {
  const axis = axisOf("scatterAdd", x, dim);
  checkGather("scatterAdd", x, axis, ids);
  if (!isFloat(x.dtype))
    throw new TensorError("dtype", `scatterAdd: needs a floating tensor, got ${x.dtype}, expected float32 or float64`);
  checkTensor("scatterAdd", src, "the source");
  if (src.shape.length !== ids.shape.length || src.shape.some((d, i) => d !== ids.shape[i])) {
    throw shapeError("scatterAdd", "the source must have the shape of the ids", [src.shape, ids.shape]);
  }
  const rows = reshape(cast(src, x.dtype), [sizeOf(src.shape), 1]);
  const added = scatterAddRows(rows, flatPositions(asInt(ids), x.shape, axis), sizeOf(x.shape));
  return add(x, reshape(added, x.shape));
}

const positionOps = new Map<string, ProgramOp>();

function mapOp(key: string, build: () => ProgramOp): ProgramOp {
  let op = positionOps.get(key);
  if (!op) {
    op = build();
    positionOps.set(key, op);
  }
  return op;
}

/** The position along `axis` of every element of an array shaped like x, int32. */
export function positions<T extends Variable>(x: T, axis: number): T {
  const op = mapOp("positions", () =>
    makeProgramOp(
      "positions",
      makeProgram({
        inputs: [{ kind: "index", type: "int32", role: "full" }],
        scalars: [],
        reduces: [],
        outputs: [{ expr: input(0, "int32", "full"), role: "full" }],
      }),
      false,
    ),
  );
  const layout = { shape: x.shape, strides: x.shape.map((_, i) => +(i === axis)), offset: 0 };
  return applyProgram(op, x, x.device, x.shape, [{ variable: undefined, layout }], [])[0]!;
}

/** Zero outside a triangle of the last two axes: keeps column − row ≥ diagonal (`upper`) or ≤ diagonal. */
function triangle<T extends Variable>(x: T, upper: boolean, diagonal: number): T {
  const name = upper ? "triu" : "tril";
  checkTensor(name, x);
  checkInteger(name, "diagonal", diagonal);
  const rank = x.shape.length;
  if (rank < 2) throw shapeError(name, "needs at least two axes", [x.shape]);
  const op = mapOp(name + x.dtype, () => {
    const inputs = [
      { kind: "buffer", type: x.dtype, role: "full" },
      { kind: "index", type: "int32", role: "full" },
    ] as const;
    const k = scalar(0, "int32");
    const keep = upper ? s.ge(input(1, "int32", "full"), k) : s.le(input(1, "int32", "full"), k);
    const expr = s.select(keep, input(0, x.dtype, "full"), constant(0, x.dtype));
    return makeProgramOp(
      name,
      makeProgram({ inputs, scalars: ["int32"], reduces: [], outputs: [{ expr, role: "full" }] }),
      false,
    );
  });
  const strides = x.shape.map((_, i) => (i === rank - 1 ? 1 : i === rank - 2 ? -1 : 0));
  const operands = [
    { variable: x, layout: x.layout },
    { variable: undefined, layout: { shape: x.shape, strides, offset: 0 } },
  ];
  return applyProgram(op, x, x.device, x.shape, operands, [diagonal])[0]!;
}

/** x where column − row ≤ diagonal, else 0. */
export const tril = <T extends Variable>(x: T, diagonal = 0): T => triangle(x, false, diagonal);
/** x where column − row ≥ diagonal, else 0. */
export const triu = <T extends Variable>(x: T, diagonal = 0): T => triangle(x, true, diagonal);

/** 1 where the position along a new last axis equals the id, else 0. @throws TensorError `index`, `dtype` */
export function oneHot<T extends Variable>(ids: T, classes: number, dtype: DType = "int32"): T {
  checkInteger("oneHot", "classes", classes, 1);
  checkDType("oneHot", dtype);
  checkIds("oneHot", ids, classes);
  const shape = [...ids.shape, classes];
  const op = mapOp(`oneHot${dtype}`, () => {
    const inputs = [
      { kind: "buffer", type: "int32", role: "full" },
      { kind: "index", type: "int32", role: "full" },
    ] as const;
    const expr = s.cast(s.eq(input(0, "int32", "full"), input(1, "int32", "full")), dtype);
    return makeProgramOp(
      "oneHot",
      makeProgram({ inputs, scalars: [], reduces: [], outputs: [{ expr, role: "full" }] }),
      false,
    );
  });
  const wide = expand(reshape(asInt(ids), [...ids.shape, 1]), shape);
  const layout = { shape, strides: shape.map((_, i) => +(i === shape.length - 1)), offset: 0 };
  return applyProgram(
    op,
    ids,
    ids.device,
    shape,
    [
      { variable: wide, layout: wide.layout },
      { variable: undefined, layout },
    ],
    [],
  )[0]!;
}
