// Everything core promises about a launch, checked: what a real device would silently get wrong fails here.

import type { AnchorCall, Kernel, Launch, LaunchOperand } from "../backend/backend.js";
import type { DType } from "../dtype.js";
import { unreachable } from "../errors.js";
import type { Role } from "../kernel/expr.js";
import type { Program } from "../kernel/program.js";
import { contiguousStrides } from "../shape.js";
import { ruleOf } from "./anchors.js";

/** What an operand of a launch must be. */
export type OperandRule = {
  readonly type: DType;
  readonly kind: "buffer" | "index";
  readonly written: boolean;
  /** Axes the operand strides over. */
  readonly rank: number;
};

const programOperands = (program: Program, rank: number): OperandRule[] => [
  ...program.inputs.map(({ type, kind }) => ({ type, kind, written: false, rank })),
  ...program.outputs.map(({ expr }): OperandRule => ({ type: expr.type, kind: "buffer", written: true, rank })),
];

/** The operands a kernel's launches have. */
export const kernelOperands = (kernel: Kernel): OperandRule[] => programOperands(kernel.program, kernel.rank);

/** The operands an anchor's launches have. */
export function anchorOperands({ op, attributes, rank, epilogue }: AnchorCall): OperandRule[] {
  const rule = ruleOf(op);
  const own = (types: readonly DType[], written: boolean): OperandRule[] =>
    types.map((type) => ({ type, kind: "buffer", written, rank }));
  const inputs = own(rule.inputTypes(attributes), false);
  if (!epilogue) return [...inputs, ...own(rule.outputTypes(attributes), true)];
  return [...inputs, ...programOperands(epilogue.program, epilogue.rank).slice(1)];
}

/** @throws TensorError `internal` when the operands are not those of `rules`, or a binding is misaligned. */
export function checkOperands(launch: Launch, rules: readonly OperandRule[], bindingAlignment: number): void {
  const fail = (what: string): never => unreachable(`${launch.label}: ${what}`);
  if (launch.operands.length !== rules.length) fail(`${launch.operands.length} operands, expected ${rules.length}`);
  if (launch.sizes.some((n) => !Number.isInteger(n) || n < 0)) fail(`sizes [${launch.sizes.join(", ")}]`);
  launch.operands.forEach((x, i) => {
    const { kind, rank } = rules[i]!;
    if (x.strides.length !== rank) fail(`operand ${i} has ${x.strides.length} strides, expected ${rank}`);
    if (![...x.strides, x.offset].every(Number.isInteger)) fail(`operand ${i} has a fractional stride or offset`);
    if ((x.binding?.buffer === undefined) !== (kind === "index"))
      fail(`operand ${i} must ${kind === "index" ? "not " : ""}be bound`);
    if (x.byteOffset % bindingAlignment !== 0)
      fail(`operand ${i} is bound at byte ${x.byteOffset}, expected a multiple of ${bindingAlignment}`);
  });
}

/** @throws TensorError `internal` when an anchor's launch has a wrong rank, or breaks the rules of its epilogue. */
export function checkAnchorLaunch(launch: Launch, { op, attributes, rank, epilogue }: AnchorCall): void {
  if (launch.sizes.length !== rank) unreachable(`${launch.label}: ${launch.sizes.length} sizes, expected ${rank}`);
  if (!epilogue) return;
  const rule = ruleOf(op);
  const axes = rule.epilogueAxes!(launch.sizes);
  const result = { binding: undefined, byteOffset: 0, strides: contiguousStrides(axes), offset: 0 };
  const others = launch.operands.slice(rule.inputTypes(attributes).length);
  checkKernelLaunch(launch, epilogue, [result, ...others], axes);
}

/** @throws TensorError `internal` when a kernel's launch breaks the kernel's access classes or its operands' roles. */
export function checkKernelLaunch(
  launch: Launch,
  { program, rank, access }: Kernel,
  operands: readonly LaunchOperand[],
  sizes: readonly number[],
): void {
  const fail = (what: string): never => unreachable(`${launch.label}: ${what}`);
  if (sizes.length !== rank) fail(`${sizes.length} sizes, expected ${rank}`);
  if (launch.scalars.length !== program.scalars.length)
    fail(`${launch.scalars.length} scalars, expected ${program.scalars.length}`);
  const roles = [...program.inputs.map((x) => x.role), ...program.outputs.map((o) => o.role)];
  operands.forEach((x, i) => {
    x.strides.forEach((stride, axis) => {
      const expected = access[i]![axis]!;
      if (expected !== 2 && stride !== expected)
        fail(`operand ${i} has stride ${stride} along axis ${axis}, compiled for ${expected}`);
      if (sizes[axis]! < 2) return;
      const crosses = strides(roles[i]!, axis, rank);
      if (stride !== 0 && !crosses) fail(`operand ${i} has role ${roles[i]} but stride ${stride} along axis ${axis}`);
      if (stride === 0 && crosses && i >= program.inputs.length && !sizes.includes(0))
        fail(`output ${i - program.inputs.length} is written ${sizes[axis]} times along axis ${axis}`);
    });
  });
}

/** Whether an operand of this role may change along an axis. */
const strides = (role: Role, axis: number, rank: number): boolean =>
  role === "full" || (role === "row") === axis < rank - 1;
