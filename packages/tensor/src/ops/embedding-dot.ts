// Dot products with rows of a table that ids pick, and the sums of such rows that are their gradients: what skip-gram and
// sampled losses are made of. Rows are read where they lie; the gradient of the table stays a product of two small arrays.

import { checkFlags } from "../arguments.js";
import { cast } from "../autograd/cast.js";
import { withGrad } from "../autograd/mode.js";
import { sameDevice } from "../autograd/program-op.js";
import { record, type Variable } from "../autograd/variable.js";
import { dense, permute, reshape, tracks } from "../autograd/views.js";
import { shapeError } from "../errors.js";
import { type Shape, sizeOf } from "../shape.js";
import { anchor } from "./anchors/anchor.js";
import { scatterAddRows } from "./anchors/rows-by-id.js";
import { mul } from "./arithmetic.js";
import { checkIds, embedding } from "./indexing.js";
import { sum } from "./reduce.js";

type PickOp = "gatherDot" | "gatherSum" | "scatterOuter";

const attributes = { type: "float32" } as const;

/** Whether the device runs the anchor, on numbers of this type. */
const supports = (op: PickOp, x: Variable): boolean =>
  x.dtype === "float32" && x.device.supports({ op, attributes, rank: 4 });

/** An operand of one of the three: strides of the axes of the space that it has, by place. */
function laid(variable: Variable, sizes: Shape, axes: readonly number[]) {
  const strides = sizes.map(() => 0);
  axes.forEach((axis, i) => {
    strides[axis] = variable.layout.strides[i]!;
  });
  return { variable, layout: { shape: sizes, strides, offset: variable.layout.offset } };
}

/** `weights` [rows, picks] times `vectors` [rows, width], as rows [rows·picks, width]. */
export function outerRows<T extends Variable>(weights: T, vectors: T): T {
  const [rows, picks] = weights.shape as [number, number];
  const width = vectors.shape[1]!;
  const products = mul(reshape(weights, [rows, picks, 1]), reshape(vectors, [rows, 1, width]));
  return reshape(products, [rows * picks, width]);
}

/** A table with `weights[i][k]` times row i of `vectors` added at `ids[i][k]`; undefined where the device has no such anchor. */
export function scatterOuter<T extends Variable>(table: T, ids: T, weights: T, vectors: T): T | undefined {
  if (!supports("scatterOuter", table)) return undefined;
  const sizes = [...table.shape, ...ids.shape];
  const operands = [
    laid(weights, sizes, [2, 3]),
    laid(dense(vectors), sizes, [2, 1]),
    laid(ids, sizes, [2, 3]),
    laid(table, sizes, [0, 1]),
  ];
  return anchor("scatterOuter", attributes, sizes, operands, [{ shape: table.shape, dtype: "float32" }])?.[0] as T;
}

/**
 * Dot products of each row of x [count, width] with rows of a [size, width] table, by ids [count, picks]; [count, picks].
 * The same as looking the rows up, multiplying and adding up, without an array of the rows. With `sparse` the table's
 * gradient holds the rows used and no others. @throws TensorError `index`, `shape`, `dtype`
 */
export function embeddingDot<T extends Variable>(
  x: T,
  table: T,
  ids: T,
  options: { readonly sparse?: boolean } = {},
): T {
  checkFlags("embeddingDot", options, ["sparse"]);
  const { sparse = false } = options;
  sameDevice("embeddingDot", [x, table, ids]);
  const fits =
    x.shape.length === 2 && ids.shape.length === 2 && table.shape.length === 2 && x.shape[0] === ids.shape[0];
  if (!fits || x.shape[1] !== table.shape[1]) {
    const needs = "needs x [count, width], a table [size, width] and ids [count, picks]";
    throw shapeError("embeddingDot", needs, [x.shape, table.shape, ids.shape]);
  }
  checkIds("embeddingDot", ids, table.shape[0]!);
  const [count, picks] = ids.shape as [number, number];
  const [size, width] = table.shape as [number, number];
  if (x.dtype !== table.dtype || !supports("gatherDot", x) || !supports("gatherSum", x)) {
    return sum(mul(embedding(table, ids, { sparse }), reshape(x, [count, 1, width])), [-1]);
  }
  const rowIds = cast(ids, "int32");
  const sizes = [picks, count, width, size];
  const operands = [laid(dense(x), sizes, [1, 2]), laid(dense(table), sizes, [3, 2]), laid(rowIds, sizes, [1, 0])];
  // Pick after pick, so that what follows has long rows.
  const byPick = anchor("gatherDot", attributes, sizes, operands, [
    { shape: [picks, count], dtype: "float32" },
  ])![0] as T;
  const y = withGrad("embeddingDot", false, () => permute(byPick, [1, 0]));
  if (!tracks([x, table])) return y;
  record([y], {
    name: "embeddingDot",
    inputs: [x, table],
    saved: [x, table, rowIds],
    backward: ([g], [needX, needTable]) => [
      needX ? weightedSum(g as T, table, rowIds) : undefined,
      needTable ? tableGradient(g as T, x, rowIds, size, sparse) : undefined,
    ],
  });
  return y;
}

function tableGradient<T extends Variable>(weights: T, vectors: T, ids: T, size: number, sparse: boolean) {
  const rows = outerRows(weights, vectors);
  const flat = reshape(ids, [sizeOf(ids.shape)]);
  const whole = (): T => scatterAddRows(rows, flat, size);
  return sparse ? { ids: flat, rows, dense: whole, products: { weights, vectors } } : whole();
}

/** `Σ_k weights[i][k]` times row `ids[i][k]` of the table; [count, width]. */
function weightedSum<T extends Variable>(weights: T, table: T, ids: T): T {
  const [count, picks] = ids.shape as [number, number];
  const [size, width] = table.shape as [number, number];
  const sizes = [count, width, picks, size];
  const operands = [laid(weights, sizes, [0, 2]), laid(dense(table), sizes, [3, 1]), laid(ids, sizes, [0, 2])];
  const y = anchor("gatherSum", attributes, sizes, operands, [{ shape: [count, width], dtype: "float32" }])![0] as T;
  if (!tracks([weights, table])) return y;
  record([y], {
    name: "embeddingDotBackward",
    inputs: [weights, table],
    saved: [weights, table, ids],
    backward: ([g], [needWeights, needTable]) => [
      needWeights ? embeddingDot(g as T, table, ids) : undefined,
      needTable ? tableGradient(weights, g as T, ids, size, false) : undefined,
    ],
  });
  return y;
}
