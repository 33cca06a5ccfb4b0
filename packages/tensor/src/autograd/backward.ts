// Reverse mode: walks the records from the outputs back and hands each its gradients once all have arrived.

import { checkFlags } from "../arguments.js";
import { isFloat } from "../dtype.js";
import { shapeError, TensorError } from "../errors.js";
import type { Node, Value } from "../graph/node.js";
import { sameShape } from "../shape.js";
import { filled, sumOf } from "./accumulate.js";
import { cast } from "./cast.js";
import { withGrad } from "./mode.js";
import { isPassedOn, sameDevice } from "./program-op.js";
import { type GradFn, type RowGradient, Variable } from "./variable.js";
import { clone } from "./views.js";

/** How a backward pass treats its graph. */
export type BackwardOptions = {
  /** Keep the records, so that the pass can be repeated. */
  readonly retainGraph?: boolean;
  /** Record the pass itself, for gradients of gradients. */
  readonly createGraph?: boolean;
};

/** Records reachable from `outputs`, users before the records they use. */
function recordsBefore(outputs: readonly Variable[]): GradFn[] {
  const order: GradFn[] = [];
  const state = new Map<GradFn, "open" | "done">();
  const stack: GradFn[] = [];
  for (const y of outputs) if (y.gradFn) stack.push(y.gradFn);
  while (stack.length > 0) {
    const f = stack[stack.length - 1]!;
    const s = state.get(f);
    if (s) {
      stack.pop();
      if (s === "open") {
        state.set(f, "done");
        order.push(f);
      }
      continue;
    }
    state.set(f, "open");
    for (const x of f.inputs) if (x.gradFn && !state.has(x.gradFn)) stack.push(x.gradFn);
  }
  return order.reverse();
}

/**
 * Gradients of Σ outputs·gradients. `visitLeaf` receives each leaf's gradient once; `wanted` variables' gradients are
 * returned in order.
 */
function propagate<T extends Variable>(
  outputs: readonly T[],
  gradients: readonly T[],
  wanted: readonly T[],
  options: BackwardOptions,
): { leaves: Map<Variable, Variable>; rows: Map<Variable, RowGradient[]>; results: (Variable | undefined)[] } {
  const { retainGraph = options.createGraph ?? false, createGraph = false } = options;
  const records = recordsBefore(outputs);
  const arrived = new Map<GradFn, (Variable | undefined)[]>();
  const leaves = new Map<Variable, Variable>();
  const rows = new Map<Variable, RowGradient[]>();
  const give = (x: Variable, arriving: Variable | RowGradient): void => {
    if (!(arriving instanceof Variable) && !x.gradFn && !wanted.includes(x as T)) {
      rows.set(x, [...(rows.get(x) ?? []), arriving]);
      return;
    }
    // What is stored in 16 bits may get its gradient in float32: the sum over the rows of an operand that they share.
    const g = cast(arriving instanceof Variable ? arriving : arriving.dense(), x.dtype);
    if (!x.gradFn) {
      const before = leaves.get(x);
      leaves.set(x, before ? sumOf(before, g) : g);
      return;
    }
    let list = arrived.get(x.gradFn);
    if (!list) {
      list = new Array<Variable | undefined>(x.gradFn.outputs).fill(undefined);
      arrived.set(x.gradFn, list);
    }
    const before = list[x.gradIndex];
    list[x.gradIndex] = before ? sumOf(before, g) : g;
  };
  const found = new Map<Variable, Variable>();
  withGrad("backward", createGraph, () => {
    outputs.forEach((y, k) => give(y, gradients[k]!));
    for (const f of records) {
      const list = arrived.get(f);
      if (!list) continue;
      for (const w of wanted) {
        const g = w.gradFn === f ? list[w.gradIndex] : undefined;
        if (g) found.set(w, g);
      }
      arrived.delete(f);
      if (!f.backward) throw freedError(f.name);
      const needs = f.inputs.map((x) => x.tracked && isFloat(x.dtype));
      const out = f.backward(list, needs);
      f.inputs.forEach((x, i) => {
        const g = out[i];
        if (g && needs[i]) give(x, g);
      });
      if (!retainGraph) {
        f.backward = undefined;
        f.saved = [];
      }
    }
  });
  for (const w of wanted) {
    const g = leaves.get(w);
    if (g) found.set(w, g);
  }
  return { leaves, rows, results: wanted.map((w) => found.get(w)) };
}

const freedError = (name: string): TensorError =>
  new TensorError(
    "state",
    `backward: the records behind ${name} were freed by an earlier backward; pass { retainGraph: true } there`,
  );

/** Checks or makes the gradient a backward pass starts from. */
function seed<T extends Variable>(op: string, y: T, gradient: T | undefined): T {
  if (!y.tracked) {
    throw new TensorError(
      "state",
      `${op}: the tensor does not require a gradient, got requiresGrad false, expected true`,
    );
  }
  if (!gradient) {
    if (y.shape.length > 0 && y.shape.some((d) => d !== 1)) {
      throw shapeError(op, "a gradient is needed for a tensor that is no scalar", [y.shape]);
    }
    return filled(y, y.device, y.shape, y.dtype, 1);
  }
  sameDevice(op, [y, gradient]);
  if (!sameShape(gradient.shape, y.shape))
    throw shapeError(op, "the gradient must have the tensor's shape", [gradient.shape, y.shape]);
  if (gradient.dtype !== y.dtype) {
    throw new TensorError(
      "dtype",
      `${op}: the gradient must have the tensor's dtype, got ${gradient.dtype}, expected ${y.dtype}`,
    );
  }
  return gradient;
}

/** Adds d(output)/d(leaf) to the gradient of every leaf below. @throws TensorError `state`, `shape` */
export function backward<T extends Variable>(output: T, gradient: T | undefined, options: BackwardOptions): void {
  checkFlags("backward", options, ["retainGraph", "createGraph"]);
  const start = seed("backward", output, gradient);
  const { leaves, rows } = propagate([output], [start], [], options);
  addRowGradients(leaves, rows);
  addGradients(leaves, options.createGraph);
  output.device.keep(output.value);
}

/** Rows stay apart while a leaf has nothing but rows; otherwise they join its dense gradient. */
function addRowGradients(leaves: Map<Variable, Variable>, rows: ReadonlyMap<Variable, readonly RowGradient[]>): void {
  withGrad("backward", false, () => {
    const whole = (list: readonly RowGradient[]): Variable | undefined =>
      list.map((r) => r.dense()).reduce<Variable | undefined>((sum, g) => (sum ? sumOf(sum, g) : g), undefined);
    for (const [leaf, list] of rows) {
      const dense = leaves.get(leaf);
      leaf.device.watch(leaf);
      if (!dense && !leaf.gradient) leaf.rowGradients = [...leaf.rowGradients, ...list];
      else {
        const g = whole([...leaf.rowGradients, ...list])!;
        leaf.rowGradients = [];
        leaves.set(leaf, dense ? sumOf(dense, g) : g);
      }
    }
    for (const [leaf, dense] of leaves) {
      const g = whole(leaf.rowGradients);
      if (g) leaves.set(leaf, sumOf(dense, g));
      leaf.rowGradients = [];
    }
  });
}

/** Adds to the gradients of leaves, as a backward pass does at its end. */
export function addGradients(gradients: ReadonlyMap<Variable, Variable>, createGraph = false): void {
  settlePending([...gradients.keys()]);
  withGrad("backward", createGraph, () => {
    for (const [leaf, g] of gradients) {
      const before = leaf.gradient;
      leaf.gradient = before ? sumOf(before, g) : isPassedOn(g) ? clone(g) : g;
      if (before) leaf.gradient.replaces = before;
      leaf.device.watch(leaf);
    }
  });
}

/** Puts a value computed from a leaf's gradient in its place; the memory of the old one goes when the new one's does. */
export function replaceGradient(leaf: Variable, gradient: Variable): void {
  gradient.replaces = leaf.gradient;
  leaf.gradient = gradient;
}

/** Gradients accumulated by an earlier pass are computed before more is added, so that passes do not pile up. */
function settlePending(leaves: readonly Variable[]): void {
  const pending = leaves.flatMap((x) => (x.gradient ? [x.gradient] : []));
  if (pending.length === 0) return;
  try {
    pending[0]!.device.realize(pending.map((g) => g.value));
  } catch (error) {
    if (!TensorError.is(error, "stale-tensor")) throw error;
    const remedy = "call zeroGrad() after a step, or read the gradient before it to go on adding to it";
    throw new TensorError(
      "stale-tensor",
      `backward: a gradient from before the last update was never computed; ${remedy}`,
      {},
      error,
    );
  }
  for (const g of pending) {
    if (g.replaces) freeGradient(g.replaces);
    g.replaces = undefined;
  }
}

/** Frees the memory of gradients that were replaced or zeroed, unless the user has seen them. */
export function freeGradient(g: Variable): void {
  // What the user holds may yet be computed from what it replaced.
  if (g.exposed) return;
  if (g.replaces) freeGradient(g.replaces);
  g.replaces = undefined;
  const node = dataNode(g.value);
  if (node.op.kind === "leaf" && node.storage) g.device.release(node);
}

const dataNode = (value: Value): Node => value.node.leaves?.[value.index] ?? value.node;

/** d(Σ outputs·gradients)/d(inputs), without touching any `grad`. Undefined where an input is not reached. */
export function gradientsOf<T extends Variable>(
  outputs: readonly T[],
  inputs: readonly T[],
  gradients: readonly (T | undefined)[],
  options: BackwardOptions,
): (T | undefined)[] {
  const starts = outputs.map((y, k) => seed("grad", y, gradients[k]));
  return propagate(outputs, starts, inputs, options).results as (T | undefined)[];
}

/** Everything that a later backward pass from `output` would read. */
export function savedBelow(output: Variable): Value[] {
  if (!output.gradFn) return [];
  return recordsBefore([output]).flatMap((f) => (f.backward ? f.saved.map((x) => x.value) : []));
}
