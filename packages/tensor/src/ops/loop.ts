// A loop over time: a body recorded once and run for each step, with the number of steps a launch parameter. LSTM, GRU,
// CRF, Viterbi and CTC are written on it, so a new length builds no plan. Its gradient is a loop that runs backwards.

import { filled } from "../autograd/accumulate.js";
import { gradientsOf } from "../autograd/backward.js";
import { gradEnabled, withGrad } from "../autograd/mode.js";
import { sameDevice } from "../autograd/program-op.js";
import { record, type Variable } from "../autograd/variable.js";
import { dense, reshape, slice, tracks } from "../autograd/views.js";
import { isFloat } from "../dtype.js";
import { argumentError, shapeError, TensorError, unreachable } from "../errors.js";
import { copyOf } from "../graph/copy-program.js";
import { type LoopBody, leafNode, Node, type NodeOp, nextOpId, type Placeholder, type Value } from "../graph/node.js";
import { GraphWalk } from "../graph/signature.js";
import { contiguous, isContiguous, type Shape, sameShape } from "../shape.js";
import { batchedMatmul, transposeLast } from "./anchors/matmul.js";
import { add } from "./arithmetic.js";
import { sum } from "./reduce.js";

/** What a step sees: its row of each sequence, the states before it, the constants, and the projected states. */
export type LoopStep<T> = {
  readonly inputs: readonly T[];
  readonly states: readonly T[];
  readonly constants: readonly T[];
  readonly projected: readonly T[];
};

/** A loop over the first axis of its sequences. */
export type LoopSpec<T> = {
  /** Arrays [time, …]; at least one. */
  readonly sequences: readonly T[];
  /** Values before the first step. */
  readonly states: readonly T[];
  /** Whatever else the body reads; it must not reach for tensors outside. Large ones belong in `projections`. */
  readonly constants?: readonly T[];
  /** Products `state · weightᵀ` of a [batch, in] state, computed each step; the weight's gradient is one product at the end. */
  readonly projections?: readonly { readonly state: number; readonly weight: T }[];
  /** Runs once, on placeholders: the states after a step, and what it gives. */
  readonly body: (step: LoopStep<T>) => { readonly states: readonly T[]; readonly outputs: readonly T[] };
  /** From the last step to the first. */
  readonly reverse?: boolean;
};

/** `outputs[k]`: [time, …]. `histories[k]`: [time + 1, …] in the order of the steps, the initial state first. */
export type LoopResult<T> = { readonly outputs: readonly T[]; readonly histories: readonly T[] };

type Traced<T> = { readonly inputs: T[]; readonly states: T[]; readonly constants: T[]; readonly projected: T[] };

const ops = new Map<string, NodeOp>();
const walker = new GraphWalk();

/** Runs a loop. @throws TensorError `shape`, `argument` */
export function loop<T extends Variable>(name: string, spec: LoopSpec<T>): LoopResult<T> {
  const { sequences, states, constants = [], projections = [], reverse = false } = spec;
  const first = sequences[0] ?? states[0];
  if (!first || sequences.length === 0) throw argumentError(name, "sequences", "at least one array", "none");
  const length = sequences[0]!.shape[0] ?? 0;
  for (const s of sequences) {
    if (s.shape.length === 0 || s.shape[0] !== length)
      throw shapeError(
        name,
        "sequences must have one length",
        sequences.map((x) => x.shape),
      );
  }
  const weights = projections.map((p) => p.weight);
  const all = [...sequences, ...states, ...constants, ...weights];
  sameDevice(name, all);
  const saveProjected = tracks(all);
  const trace = traceForward(name, spec, saveProjected);
  const outputs = runLoop(
    name,
    first,
    trace,
    all.map((x, k) => (k < sequences.length ? denseRows(x) : dense(x))),
    sequences,
    states,
    length,
    reverse,
  );
  const ownOutputs = trace.outputs.length - (saveProjected ? projections.length : 0);
  const visible = [...outputs.slice(0, ownOutputs), ...outputs.slice(trace.outputs.length)];
  if (saveProjected) {
    const projected = outputs.slice(ownOutputs, trace.outputs.length);
    const histories = outputs.slice(trace.outputs.length);
    record(visible, {
      name,
      inputs: all,
      saved: [...all, ...projected, ...histories],
      backward: (gradients) => {
        if (gradEnabled())
          throw new TensorError("unsupported", `${name}: gradients of gradients do not pass through a loop`);
        return backwardLoop(
          name,
          spec,
          length,
          projected as T[],
          histories as T[],
          gradients as (T | undefined)[],
          ownOutputs,
        );
      },
    });
  }
  return { outputs: visible.slice(0, ownOutputs), histories: visible.slice(ownOutputs) };
}

/** Stand-ins for one step's values, on the device of `like`. */
function placeholder<T extends Variable>(like: T, shape: Shape): T {
  const node = leafNode(shape, like.dtype, {});
  return like.make({ value: { node, index: 0 }, layout: contiguous(shape), dtype: like.dtype, device: like.device });
}

type Trace<T> = {
  readonly leaves: readonly { readonly variable: T; readonly place: Placeholder }[];
  readonly states: readonly T[];
  readonly outputs: readonly T[];
};

function traceForward<T extends Variable>(name: string, spec: LoopSpec<T>, saveProjected: boolean): Trace<T> {
  const { sequences, states, constants = [], projections = [] } = spec;
  return withGrad(name, false, () => {
    const leaves: { variable: T; place: Placeholder }[] = [];
    const stand = (x: T, shape: Shape, kind: Placeholder["kind"], state: number): T => {
      const variable = placeholder(x, shape);
      leaves.push({ variable, place: { kind, input: leaves.length, state } });
      return variable;
    };
    const step: Traced<T> = {
      inputs: sequences.map((x) => stand(x, x.shape.slice(1), "sequence", -1)),
      states: states.map((x, k) => stand(x, x.shape, "state", k)),
      constants: constants.map((x) => stand(x, x.shape, "constant", -1)),
      projected: [],
    };
    const weights = projections.map((p) => stand(p.weight, p.weight.shape, "constant", -1));
    projections.forEach((p, k) =>
      step.projected.push(batchedMatmul(step.states[p.state]!, transposeLast(weights[k]!))),
    );
    const result = spec.body(step);
    checkStates(name, states, result.states);
    return { leaves, states: result.states, outputs: [...result.outputs, ...(saveProjected ? step.projected : [])] };
  });
}

function checkStates(name: string, before: readonly Variable[], after: readonly Variable[]): void {
  const fits =
    before.length === after.length &&
    before.every((x, k) => sameShape(x.shape, after[k]!.shape) && x.dtype === after[k]!.dtype);
  if (!fits)
    throw shapeError(
      name,
      "the body must keep the states' number, shapes and dtypes",
      [...before, ...after].map((x) => x.shape),
    );
}

/** Makes the loop's node from a trace; its outputs are the trace's outputs stacked, then the states' histories. */
function runLoop<T extends Variable>(
  name: string,
  like: T,
  trace: Trace<T>,
  inputs: readonly T[],
  sequences: readonly T[],
  states: readonly T[],
  length: number,
  reverse: boolean,
): T[] {
  const taken = new Set<string>();
  const own = (x: T): Value => {
    const whole = withGrad(name, false, () => dense(x));
    const key = `${whole.value.node.id},${whole.value.index}`;
    // Each result needs a row of its own to be written to.
    const value = whole.value.node.op.kind === "leaf" || taken.has(key) ? copyOf(whole.value) : whole.value;
    taken.add(key);
    return value;
  };
  // What the body gives twice is stored once.
  const distinct: T[] = [];
  const placeOf = trace.outputs.map((x) => {
    const known = distinct.findIndex((y) => sameValue(x, y));
    return known >= 0 ? known : distinct.push(x) - 1;
  });
  const roots = [...distinct.map(own), ...trace.states.map(own)];
  walker.walk(roots);
  const { order } = walker;
  const placeholders = new Map<number, Placeholder>();
  const known = new Map(trace.leaves.map((l) => [l.variable.value.node, l.place]));
  for (const n of order) {
    if (n.op.kind !== "leaf") continue;
    const place = known.get(n);
    if (!place)
      throw argumentError(
        name,
        "the body's tensors from outside",
        "passed as constants",
        `one of shape [${n.outputs[0]!.shape.join(", ")}]`,
      );
    placeholders.set(n.slot, place);
  }
  const count = distinct.length;
  const wiring = [...placeholders].map(([slot, p]) => [slot, p.kind, p.input, p.state]);
  const key = `${name}${reverse}${JSON.stringify(wiring)}${walker.structure.copy().join()}|${states.length}|${count}`;
  let op = ops.get(key);
  if (!op) {
    op = { kind: "loop", id: nextOpId(), label: name };
    ops.set(key, op);
  }
  const body: LoopBody = {
    key,
    order,
    roots,
    placeholders,
    results: roots.map((_, k) => ({ output: k, history: k >= count })),
    states: states.map((_, k) => ({ input: sequences.length + k, output: count + k })),
    length,
    reverse,
  };
  const outputs = roots.map((r, k) => {
    const { shape, dtype } = r.node.outputs[r.index]!;
    return { shape: [k < count ? length : length + 1, ...shape], dtype };
  });
  const operands = inputs.map((x) => ({ ...x.value, layout: x.layout }));
  const node = new Node(
    op,
    [length],
    operands,
    outputs,
    order.flatMap((n) => n.scalars),
  );
  node.loop = body;
  const { device } = like;
  const results = outputs.map((o, index) =>
    like.make({ value: { node, index }, layout: contiguous(o.shape), dtype: o.dtype, device }),
  );
  return [...placeOf.map((at) => results[at]!), ...results.slice(count)];
}

const sameValue = (a: Variable, b: Variable): boolean =>
  a.value.node === b.value.node &&
  a.value.index === b.value.index &&
  a.layout.offset === b.layout.offset &&
  sameShape(a.shape, b.shape) &&
  sameShape(a.layout.strides, b.layout.strides);

/** x, copied unless the elements of each of its rows lie side by side; the rows themselves may lie anywhere. */
function denseRows<T extends Variable>(x: T): T {
  const { shape, strides } = x.layout;
  const row = { shape: shape.slice(1), strides: strides.slice(1), offset: 0 };
  return isContiguous(row) ? x : dense(x);
}

/** Rows of an array reversed along the first axis. */
const reversed = <T extends Variable>(x: T): T => (x.shape[0]! > 0 ? slice(x, 0, x.shape[0]! - 1, x.shape[0]!, -1) : x);

function backwardLoop<T extends Variable>(
  name: string,
  spec: LoopSpec<T>,
  length: number,
  projected: readonly T[],
  histories: readonly T[],
  gradients: readonly (T | undefined)[],
  outputCount: number,
): (T | undefined)[] {
  const { sequences, states, constants = [], projections = [], reverse = false } = spec;
  // Histories run with the steps; sequences run with time.
  const timed = (h: T, from: number): T =>
    reverse ? reversed(slice(h, 0, from, length, 1)) : slice(h, 0, from, length, 1);
  const before = histories.map((h) => timed(h, 0));
  const outputGradients = gradients.slice(0, outputCount);
  const historyGradients = gradients.slice(outputCount);
  const floating = states.flatMap((s, k) => (isFloat(s.dtype) ? [k] : []));
  const like = states[0] ?? sequences[0]!;
  const start = floating.map((k) => {
    const g = historyGradients[k];
    if (g) return reshape(slice(g, 0, length, 1, 1), states[k]!.shape);
    return filled(like, like.device, states[k]!.shape, states[k]!.dtype, 0);
  });
  const givenOutputs = outputGradients.flatMap((g, k) => (g ? [k] : []));
  const givenHistories = floating.filter((k) => historyGradients[k]);
  const wantSequence = sequences.flatMap((x, k) => (x.tracked ? [k] : []));
  const wantConstant = constants.flatMap((x, k) => (x.tracked ? [k] : []));
  const rows = [
    ...sequences,
    ...before,
    ...projected,
    ...givenOutputs.map((k) => outputGradients[k]!),
    ...givenHistories.map((k) => timed(historyGradients[k]!, 0)),
  ];
  const counts = [sequences.length, states.length, projected.length, givenOutputs.length] as const;

  const result = loop<T>(`${name}Backward`, {
    sequences: rows,
    states: start,
    constants: [...constants, ...projections.map((p) => p.weight)],
    reverse: !reverse,
    body: (step) =>
      withGrad(name, true, () => {
        let at = 0;
        const take = (n: number): T[] => {
          const part = step.inputs.slice(at, at + n).map(tracked);
          at += n;
          return part;
        };
        const inputs = take(counts[0]);
        const stateRows = take(counts[1]);
        const projectedRows = take(counts[2]);
        const dOutputs = take(counts[3]).map((g) => g as T);
        const dHistory = step.inputs.slice(at);
        const held = step.constants.slice(0, constants.length).map(tracked);
        const weights = step.constants.slice(constants.length);
        const forward = spec.body({ inputs, states: stateRows, constants: held, projected: projectedRows });
        const heads = [...floating.map((k) => forward.states[k]!), ...givenOutputs.map((k) => forward.outputs[k]!)];
        const seeds = [...step.states, ...dOutputs];
        const live = heads.map((h, k) => [h, seeds[k]!] as const).filter(([h]) => h.tracked);
        const wanted = [
          ...floating.map((k) => stateRows[k]!),
          ...projectedRows,
          ...wantSequence.map((k) => inputs[k]!),
          ...wantConstant.map((k) => held[k]!),
        ];
        const found = gradientsOf(
          live.map(([h]) => h),
          wanted,
          live.map(([, g]) => g),
          {},
        );
        return withGrad(name, false, () => {
          const value = (k: number): T => found[k] ?? filled(like, like.device, wanted[k]!.shape, wanted[k]!.dtype, 0);
          const dProjected = projections.map((_, k) => value(floating.length + k));
          const dStates = floating.map((state, k) => {
            let g = value(k);
            projections.forEach((p, j) => {
              if (p.state === state) g = add(batchedMatmul(dProjected[j]!, weights[j]!), g);
            });
            const h = givenHistories.indexOf(state);
            return h >= 0 ? add(g, dHistory[h]!) : g;
          });
          const rest = [...wantSequence, ...wantConstant].map((_, k) =>
            value(floating.length + projections.length + k),
          );
          return { states: dStates, outputs: [...dProjected, ...rest] };
        });
      }),
  });

  const dProjected = result.outputs.slice(0, projections.length);
  const dSequences = result.outputs.slice(projections.length, projections.length + wantSequence.length);
  const dConstants = result.outputs.slice(projections.length + wantSequence.length);
  const flat = (x: T): T => reshape(x, [x.shape[0]! * x.shape[1]!, x.shape[2]!]);
  return [
    ...sequences.map((_, k) => dSequences[wantSequence.indexOf(k)]),
    ...states.map((s, k) => {
      const at = floating.indexOf(k);
      if (at < 0) return undefined;
      const h = result.histories[at] ?? unreachable("a loop without a history");
      return reshape(slice(h, 0, length, 1, 1), s.shape);
    }),
    ...constants.map((_, k) => {
      const at = wantConstant.indexOf(k);
      return at < 0 ? undefined : sum(dConstants[at]!, 0);
    }),
    ...projections.map((p, j) => batchedMatmul(transposeLast(flat(dProjected[j]!)), flat(before[p.state]!))),
  ];
}

const tracked = <T extends Variable>(x: T): T => {
  if (isFloat(x.dtype)) x.tracked = true;
  return x;
};
