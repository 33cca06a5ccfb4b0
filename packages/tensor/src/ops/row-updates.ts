// Updates that touch some rows of a table: for optimizers on row-sparse gradients. Used as the value of an update
// (`assign`), they run in place and cost what the rows cost, not what the table does.

import { sameDevice } from "../autograd/program-op.js";
import type { Variable } from "../autograd/variable.js";
import { dense, reshape } from "../autograd/views.js";
import { shapeError } from "../errors.js";
import { leafNode, type Node } from "../graph/node.js";
import { recorder } from "../graph/recorder.js";
import { contiguous, sameShape, sizeOf } from "../shape.js";
import { gatherRows, scatterAddRows, scatterInto } from "./anchors/rows-by-id.js";
import { ne } from "./arithmetic.js";
import { outerRows, scatterOuter } from "./embedding-dot.js";
import { positions } from "./indexing.js";
import { amin } from "./reduce.js";
import { maskedFill } from "./select.js";

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
 * Rows of one id added up, in order: `rows[i]` is the sum over all entries with `ids[i]`, and `leaders[i]` is the first
 * place in the result with that id. An id stands there once, or a few times more, where the host knows the ids; else as
 * often as before, with equal rows.
 */
export function mergeRows<T extends Variable>(
  ids: T,
  rows: T,
): { readonly ids: T; readonly rows: T; readonly leaders: T } {
  sameDevice("mergeRows", [ids, rows]);
  const count = ids.shape[0]!;
  if (ids.shape.length !== 1 || rows.shape.length !== 2 || rows.shape[0] !== count)
    throw shapeError("mergeRows", "needs ids [count] and rows [count, width]", [ids.shape, rows.shape]);
  const { ids: merged, into, leaders } = placesOf(ids);
  return { ids: merged, rows: gatherRows(scatterAddRows(rows, into, leaders.shape[0]!), leaders), leaders };
}

/** Where each row is added, and of each entry of the result: its id, and where the sum is. */
type Places<N> = { readonly into: N; readonly ids: N; readonly leaders: N };

/** Places of ids whose values the host knows: the tables of one step are often indexed by the same ids. */
const knownPlaces = new WeakMap<Node, Places<Node>>();

/** A place for each id, dealt out on the host when it knows the ids; else the first position that holds the same id. */
function placesOf<T extends Variable>(ids: T): Places<T> {
  const { node } = ids.value;
  const isWhole = node.outputs[0]!.shape.length === 1 && node.host?.length === ids.shape[0];
  const known = knownPlaces.get(node) ?? (isWhole ? hostPlaces(node.host!) : undefined);
  if (isWhole && known) {
    recorder()?.refuse("rows of equal ids were found on the host");
    knownPlaces.set(node, known);
    const variable = (own: Node): T => {
      const layout = contiguous(own.outputs[0]!.shape);
      return ids.make({ value: { node: own, index: 0 }, layout, dtype: "int32", device: ids.device });
    };
    return { into: variable(known.into), ids: variable(known.ids), leaders: variable(known.leaders) };
  }
  const count = ids.shape[0]!;
  const others = ne(reshape(ids, [count, 1]), reshape(ids, [1, count]));
  const leaders = amin(maskedFill(positions(others, 1), others, count), [1]);
  return { into: leaders, ids, leaders };
}

function hostPlaces(ids: ArrayLike<number>): Places<Node> {
  const count = ids.length;
  // A hash table with room for four times the ids, so that probing ends at once; places count from 1.
  const table = new Int32Array(2 << (32 - Math.clz32(count)));
  const shift = Math.clz32(table.length - 1);
  const into = new Int32Array(count);
  const found = new Int32Array(count);
  let places = 0;
  for (let i = 0; i < count; i++) {
    const id = ids[i]!;
    let at = Math.imul(id, 0x9e3779b1) >>> shift;
    while (table[at] && found[table[at]! - 1] !== id) at = (at + 1) & (table.length - 1);
    if (!table[at]) {
      found[places++] = id;
      table[at] = places;
    }
    into[i] = table[at]! - 1;
  }
  // Sizes in coarse steps, since every new one costs a plan; what fills them up repeats the first id.
  const grain = 16 + (count >> 4);
  const length = Math.min(count, Math.ceil(places / grain) * grain);
  found.fill(ids[0]!, places);
  const leaders = found.map((_, i) => (i < places ? i : 0));
  const leaf = (host: Int32Array, size: number): Node => leafNode([size], "int32", { host: host.slice(0, size) });
  return { into: leaf(into, count), ids: leaf(found, length), leaders: leaf(leaders, length) };
}
