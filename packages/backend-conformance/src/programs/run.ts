// Data and layouts for programs.

import type { DType, Program } from "@torchium/tensor/backend";
import { denseLayout, type OperandLayout, randomLayout } from "../layout.js";
import type { Random } from "../random.js";
import type { ProgramRun, TrialOperand } from "../trial.js";
import { heldAs } from "../workbench.js";

/** Ordinary values of a type, as the type holds them. */
export function randomValues(random: Random, type: DType, count: number): number[] {
  const make: { readonly [T in DType]: () => number } = {
    float16: () => random.number(-2, 2),
    bfloat16: () => random.number(-2, 2),
    float32: () => random.number(-2, 2),
    float64: () => random.number(-2, 2),
    int32: () => random.integer(-20, 20),
    uint32: () => random.integer(0, 40),
    bool: () => random.integer(0, 1),
  };
  return heldAs(type, Array.from({ length: count }, make[type]));
}

/** A program on given layouts, inputs first, with random data. */
export function runOn(
  random: Random,
  label: string,
  program: Program,
  sizes: readonly number[],
  layouts: readonly OperandLayout[],
): ProgramRun {
  const inputs = program.inputs.map(({ type, kind }, i): TrialOperand => {
    const layout = layouts[i]!;
    return kind === "index"
      ? { ...layout, type, index: true }
      : { ...layout, type, values: randomValues(random, type, layout.extent) };
  });
  const outputs = program.outputs.map(
    ({ expr }, k): TrialOperand => ({ ...layouts[inputs.length + k]!, type: expr.type }),
  );
  const scalars = program.scalars.map((type) => randomValues(random, type, 1)[0]!);
  return { label, program, sizes, operands: [...inputs, ...outputs], scalars };
}

const rolesOf = (program: Program) => [...program.inputs.map((x) => x.role), ...program.outputs.map((o) => o.role)];

/** A program on dense operands. */
export const denseRun = (random: Random, label: string, program: Program, sizes: readonly number[]): ProgramRun =>
  runOn(
    random,
    label,
    program,
    sizes,
    rolesOf(program).map((role) => denseLayout(role, sizes)),
  );

/** A program on operands that lie anyhow. */
export function scatteredRun(random: Random, label: string, program: Program, sizes: readonly number[]): ProgramRun {
  const layouts = rolesOf(program).map((role, i) => randomLayout(random, sizes, role, i >= program.inputs.length));
  const run = runOn(random, label, program, sizes, layouts);
  return { ...run, join: random.chance(0.7) };
}

/** Sizes of `rank` axes with about `elements` elements in all, odd ones and ones among them. */
export function randomSizes(random: Random, rank: number, elements: number): number[] {
  const sizes: number[] = [];
  let left = elements;
  for (let axis = 0; axis < rank; axis++) {
    const most = Math.max(1, Math.min(67, Math.floor(left ** (1 / (rank - axis)) * 2)));
    sizes.push(random.chance(0.1) ? 1 : random.integer(1, Math.min(most, Math.max(1, left))));
    left = Math.max(1, Math.floor(left / sizes[axis]!));
  }
  return random.shuffle(sizes);
}
