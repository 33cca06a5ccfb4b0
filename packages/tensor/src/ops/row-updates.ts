// Updates that touch some rows of a table: for optimizers on row-sparse gradients. Used as the value of an update
// (`assign`), they run in place and cost what the rows cost, not what the table does.

import { applyProgram, makeProgramOp, type ProgramOp, sameDevice } from "../autograd/program-op.js";
import type { Variable } from "../autograd/variable.js";
import { dense, reshape } from "../autograd/views.js";
import { shapeError } from "../errors.js";
import { leafNode, type Node } from "../graph/node.js";
import { recorder } from "../graph/recorder.js";
import { constant, input } from "../kernel/expr.js";
import { makeProgram, RowBuilder } from "../kernel/program.js";
import * as s from "../kernel/scalar.js";
import { contiguous, sameShape, sizeOf } from "../shape.js";
import { gatherRows, scatterAddRows, scatterInto } from "./anchors/rows-by-id.js";
import { outerRows, scatterOuter } from "./embedding-dot.js";

function check(op: string, table: Variable, ids: Variable, rows: Variable): void {
  sameDevice(op, [table, ids, rows]);
  const fits =
    table.shape.length === 2 &&
    rows.shape.length === 2 &&
    ids.shape.length === 1 &&
    rows.shape[0] === ids.shape[0] &&
    rows.shape[1] === table.shape[1];
  if (!fits)
    throw shapeError(op, "needs a table [size, width], ids [count] and rows [count, width]", [
      table.shape,
      ids.shape,
      rows.shape,
    ]);
}

/** The table with `rows` [count, width] added at `ids` [count]; rows of one id add up, in order. @throws TensorError `shape` */
export function addRows<T extends Variable>(table: T, ids: T, rows: T): T {
  check("addRows", table, ids, rows);
  return scatterInto(dense(table), ids, rows, "add");
}

/**
 * The table with `weights[i][k]` times row i of `rows` [count, width] added at `ids[i][k]`; ids and weights are
 * [count, picks]. What is added needs no memory of its own. @throws TensorError `shape`
 */
export function addWeightedRows<T extends Variable>(table: T, ids: T, weights: T, rows: T): T {
  sameDevice("addWeightedRows", [table, ids, weights, rows]);
  const [count, width] = [ids.shape[0]!, table.shape[1]!];
  const fits = ids.shape.length === 2 && sameShape(ids.shape, weights.shape) && table.shape.length === 2;
  if (!fits || !sameShape(rows.shape, [count, width])) {
    const needs = "needs a table [size, width], ids and weights [count, picks] and rows [count, width]";
    throw shapeError("addWeightedRows", needs, [table.shape, ids.shape, weights.shape, rows.shape]);
  }
  const own = scatterOuter(dense(table), ids, weights, rows);
  return own ?? addRows(table, reshape(ids, [sizeOf(ids.shape)]), outerRows(weights, rows));
}

/** The table with `rows` put at `ids`; rows of one id must be equal. @throws TensorError `shape` */
export function setRows<T extends Variable>(table: T, ids: T, rows: T): T {
  check("setRows", table, ids, rows);
  return scatterInto(dense(table), ids, rows, "set");
}

/** Rows `ids` of a table. */
export function takeRows<T extends Variable>(table: T, ids: T): T {
  sameDevice("takeRows", [table, ids]);
  if (table.shape.length !== 2 || ids.shape.length !== 1)
    throw shapeError("takeRows", "needs a table [size, width] and ids [count]", [table.shape, ids.shape]);
  return gatherRows(table, ids);
}

/**
 * Rows of one id added up: `rows[i]` is the sum over all entries with the id of entry i, so equal ids hold equal rows, and
 * `first[i]` (bool) marks the first entry of each id.
 */
export function mergeRows<T extends Variable>(ids: T, rows: T): { readonly rows: T; readonly first: T } {
  sameDevice("mergeRows", [ids, rows]);
  const count = ids.shape[0]!;
  if (ids.shape.length !== 1 || rows.shape.length !== 2 || rows.shape[0] !== count)
    throw shapeError("mergeRows", "needs ids [count] and rows [count, width]", [ids.shape, rows.shape]);
  const leader = leaders(ids);
  const sums = scatterAddRows(rows, leader, count);
  return { rows: gatherRows(sums, leader), first: isOwnPosition(leader) };
}

/** Leaders of ids whose values the host knows: the tables of one step are often indexed by the same ids. */
const knownLeaders = new WeakMap<Node, Node>();

/** The first position that holds the same id, for every position; on the host when it knows the ids. */
function leaders<T extends Variable>(ids: T): T {
  const { node } = ids.value;
  const count = ids.shape[0]!;
  const isWhole = node.outputs[0]!.shape.length === 1 && node.host?.length === count;
  const known = knownLeaders.get(node) ?? (isWhole ? hostLeaders(node.host!) : undefined);
  if (isWhole && known) {
    recorder()?.refuse("rows of equal ids were found on the host");
    knownLeaders.set(node, known);
    const value = { node: known, index: 0 };
    return ids.make({ value, layout: contiguous([count]), dtype: "int32", device: ids.device });
  }
  const sizes = [count, count];
  const stride = ids.layout.strides[0]!;
  const operands = [
    { variable: ids, layout: { shape: sizes, strides: [stride, 0], offset: ids.layout.offset } },
    { variable: ids, layout: { shape: sizes, strides: [0, stride], offset: ids.layout.offset } },
    { variable: undefined, layout: { shape: sizes, strides: [0, 1], offset: 0 } },
  ];
  return applyProgram(leaderOp(), ids, ids.device, sizes, operands, [])[0]!;
}

function hostLeaders(ids: ArrayLike<number>): Node {
  const seen = new Map<number, number>();
  const data = new Int32Array(ids.length);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    const at = seen.get(id);
    if (at === undefined) seen.set(id, i);
    data[i] = at ?? i;
  }
  return leafNode([ids.length], "int32", { host: data });
}

let leaderProgram: ProgramOp | undefined;

function leaderOp(): ProgramOp {
  const row = new RowBuilder();
  const same = s.eq(input(0, "int32", "full"), input(1, "int32", "full"));
  const expr = row.min(s.select(same, input(2, "int32", "full"), constant(2147483647, "int32")));
  const inputs = [
    { kind: "buffer", type: "int32", role: "full" },
    { kind: "buffer", type: "int32", role: "full" },
    { kind: "index", type: "int32", role: "full" },
  ] as const;
  leaderProgram ??= makeProgramOp(
    "firstOfId",
    makeProgram({ inputs, scalars: [], reduces: row.reduces, outputs: [{ expr, role: "row" }] }),
    true,
  );
  return leaderProgram;
}

let ownProgram: ProgramOp | undefined;

function isOwnPosition<T extends Variable>(leader: T): T {
  const inputs = [
    { kind: "buffer", type: "int32", role: "full" },
    { kind: "index", type: "int32", role: "full" },
  ] as const;
  const expr = s.eq(input(0, "int32", "full"), input(1, "int32", "full"));
  ownProgram ??= makeProgramOp(
    "isFirst",
    makeProgram({ inputs, scalars: [], reduces: [], outputs: [{ expr, role: "full" }] }),
    false,
  );
  const operands = [
    { variable: leader, layout: leader.layout },
    { variable: undefined, layout: contiguous(leader.shape) },
  ];
  return applyProgram(ownProgram, leader, leader.device, leader.shape, operands, [])[0]!;
}
