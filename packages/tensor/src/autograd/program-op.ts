// Applies row programs to variables and records their derived gradients. The gradient program is itself applied the
// same way, so gradients of gradients come for free.

import { isFloat } from "../dtype.js";
import { TensorError } from "../errors.js";
import { type Device, maxDepth } from "../graph/device.js";
import { Node, type NodeOp, type NodeOperand, nextOpId } from "../graph/node.js";
import { differentiate } from "../kernel/differentiate.js";
import { type Expr, visit } from "../kernel/expr.js";
import { type Program, withoutUnreadInputs } from "../kernel/program.js";
import { scalarOps } from "../kernel/scalar-ops.js";
import { contiguous, type Layout, type Shape } from "../shape.js";
import { checkTensor } from "./checks.js";
import { gradEnabled } from "./mode.js";
import { anyTracked, record, Variable } from "./variable.js";

/** A program made callable: its graph operation and, on demand, its gradients. */
export type ProgramOp = {
  readonly label: string;
  readonly program: Program;
  readonly hasRow: boolean;
  readonly node: NodeOp;
  /** Replaces the derived gradient where reading the outputs is cheaper than recomputing. */
  readonly override: GradientOverride | undefined;
  readonly gradients: Map<string, GradientOp>;
};

/**
 * A gradient made callable. `reads[j]` says which of the op's operands, followed by the gradients given, is its operand
 * j: what it does not read need not be kept. `passes[j]`: gradient j of the inputs is this given gradient as it came, so
 * it is no output of the op; undefined when nothing else is left.
 */
type GradientOp = {
  readonly op: ProgramOp | undefined;
  readonly reads: readonly number[];
  readonly passes: readonly (number | undefined)[];
};

/**
 * A hand-written gradient program for all inputs at once. Its inputs are the op's inputs, then its outputs, then the
 * gradient of output 0; its outputs are the gradients of the op's floating inputs, in order.
 */
export type GradientOverride = { readonly program: Program; readonly savesInputs: boolean };

/** Gives a program an identity in the graph. Equal programs should share one op. */
export function makeProgramOp(
  label: string,
  program: Program,
  hasRow: boolean,
  override?: GradientOverride,
): ProgramOp {
  const node: NodeOp = { kind: "program", id: nextOpId(), label, program, hasRow, cost: costOf(program) };
  return { label, program, hasRow, node, override, gradients: new Map() };
}

function costOf(program: Program): number {
  let cost = 0;
  const seen = new Set<Expr>();
  const each = (e: Expr): void => {
    if (e.kind === "apply") cost += scalarOps[e.op].cost;
  };
  for (const r of program.reduces) visit(r.of, seen, each);
  for (const o of program.outputs) visit(o.expr, seen, each);
  return cost;
}

/** An operand over the op's iteration space. Without a variable: an `index` operand, its layout giving its value. */
export type ProgramOperand = { readonly variable: Variable | undefined; readonly layout: Layout };

/** @throws TensorError `argument` for one that is no tensor, `device` when they live on two devices */
export function sameDevice(op: string, variables: readonly Variable[]): Device {
  const first = variables[0]?.device as Device;
  for (let i = 0; i < variables.length; i++) {
    const v = variables[i];
    if (v instanceof Variable && v.device === first) continue;
    checkTensor(op, v, `operand ${i + 1}`);
    throw new TensorError(
      "device",
      `${op}: operands are on two devices, got ${first.name} and another, ${v!.device.name}, expected one; move it with to(device)`,
      { op },
    );
  }
  return first;
}

const shapeOf = (role: "full" | "row" | "lane", sizes: Shape): Shape =>
  role === "full" ? sizes : role === "row" ? sizes.slice(0, -1) : sizes.slice(-1);

/** Applies a program op; every output becomes a variable of the class of `like`. */
export function applyProgram<T extends Variable>(
  op: ProgramOp,
  like: T,
  device: Device,
  sizes: Shape,
  operands: readonly ProgramOperand[],
  scalars: readonly number[],
): readonly T[] {
  device.check();
  const inputs = operands.map((x): NodeOperand => {
    if (x.variable && x.variable.value.node.depth > maxDepth) device.realize([x.variable.value]);
    return { node: x.variable?.value.node, index: x.variable?.value.index ?? 0, layout: x.layout };
  });
  const outputs = op.program.outputs.map((o) => ({ shape: shapeOf(o.role, sizes), dtype: o.expr.type }));
  const node = new Node(op.node, sizes, inputs, outputs, scalars);
  const results = outputs.map((o, index) =>
    like.make({ value: { node, index }, layout: contiguous(o.shape), dtype: o.dtype, device }),
  );
  const variables: Variable[] = [];
  for (const x of operands) if (x.variable) variables.push(x.variable);
  if (gradEnabled() && anyTracked(variables)) recordProgram(op, results, sizes, operands, scalars);
  return results;
}

function recordProgram(
  op: ProgramOp,
  results: readonly Variable[],
  sizes: Shape,
  operands: readonly ProgramOperand[],
  scalars: readonly number[],
): void {
  const positions = operands.flatMap((x, i) => (x.variable ? [i] : []));
  const inputs = positions.map((i) => operands[i]!.variable!);
  const device = results[0]!.device;
  const { override } = op;
  record(results, {
    name: op.label,
    inputs,
    saved: override ? [...(override.savesInputs ? inputs : []), ...results] : inputs,
    backward: (gradients, needs) => {
      if (override && gradients.length === 1) {
        return overridden(op, override, device, results, sizes, operands, scalars, gradients[0]!, inputs);
      }
      const wrt = positions.filter((i, k) => needs[k] && isFloat(op.program.inputs[i]!.type));
      const given = gradients.flatMap((g, k) => (g ? [k] : []));
      const gradientOp = gradientOf(op, wrt, given);
      const all = [
        ...operands,
        ...given.map((k) => ({
          variable: gradients[k]!,
          layout: roleLayout(gradients[k]!, op.program.outputs[k]!.role, sizes),
        })),
      ];
      const read = gradientOp.reads.map((i) => all[i]!);
      const like = gradients[given[0]!]!;
      const made = gradientOp.op ? [...applyProgram(gradientOp.op, like, device, sizes, read, scalars)] : [];
      const out = gradientOp.passes.map((k) => (k === undefined ? made.shift() : passOn(gradients[given[k]!]!)));
      return positions.map((i) => {
        const at = wrt.indexOf(i);
        return at < 0 ? undefined : out[at];
      });
    },
  });
}

function overridden(
  op: ProgramOp,
  override: GradientOverride,
  device: Device,
  results: readonly Variable[],
  sizes: Shape,
  operands: readonly ProgramOperand[],
  scalars: readonly number[],
  gradient: Variable,
  inputs: readonly Variable[],
): (Variable | undefined)[] {
  let gradientOp = op.gradients.get("override");
  if (!gradientOp) {
    gradientOp = makeGradientOp(op, override.program);
    op.gradients.set("override", gradientOp);
  }
  const outputs = results.map((y, k) => ({ variable: y, layout: roleLayout(y, op.program.outputs[k]!.role, sizes) }));
  const dy = { variable: gradient, layout: roleLayout(gradient, op.program.outputs[0]!.role, sizes) };
  const all = [...(override.savesInputs ? operands : []), ...outputs, dy];
  const read = gradientOp.reads.map((i) => all[i]!);
  const out = [...applyProgram(gradientOp.op!, gradient, device, sizes, read, scalars)];
  return inputs.map((x) => (isFloat(x.dtype) ? out.shift() : undefined));
}

/** The derived gradient with respect to inputs `wrt`, given gradients of outputs `given`. */
function gradientOf(op: ProgramOp, wrt: readonly number[], given: readonly number[]): GradientOp {
  const key = `${wrt.join()}|${given.join()}`;
  let g = op.gradients.get(key);
  if (!g) {
    g = makeGradientOp(op, differentiate(op.program, wrt, given));
    op.gradients.set(key, g);
  }
  return g;
}

function makeGradientOp(op: ProgramOp, gradient: Program): GradientOp {
  const passes = gradient.outputs.map(({ expr, role }) => {
    const isGiven = expr.kind === "input" && expr.index >= op.program.inputs.length;
    return isGiven && role === "full" && expr.role === "full" ? expr.index - op.program.inputs.length : undefined;
  });
  const outputs = gradient.outputs.filter((_, j) => passes[j] === undefined);
  if (outputs.length === 0) return { op: undefined, reads: [], passes };
  const { program, reads } = withoutUnreadInputs({ ...gradient, outputs });
  return { op: makeProgramOp(`${op.label}Backward`, program, op.hasRow), reads, passes };
}

const passedOn = new WeakSet<Node>();

/** Gives a gradient to an input as it is. */
function passOn<T extends Variable>(gradient: T): T {
  passedOn.add(gradient.value.node);
  return gradient;
}

/** Whether a gradient may be that of other variables too, so that a leaf must not free it with its own. */
export const isPassedOn = (gradient: Variable): boolean => passedOn.has(gradient.value.node);

/** The layout over the iteration space of a variable shaped like an output of `role`. */
export function roleLayout(x: Variable, role: "full" | "row" | "lane", sizes: Shape): Layout {
  const { strides, offset } = x.layout;
  if (role === "full") return { shape: sizes, strides, offset };
  if (role === "row") return { shape: sizes, strides: [...strides, 0], offset };
  return { shape: sizes, strides: [...sizes.slice(0, -1).map(() => 0), strides[0]!], offset };
}
