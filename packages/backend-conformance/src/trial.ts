// A trial: one launch on data, and what it must compute. Cases make trials, the workbench runs them.

import {
  type Backend,
  type DType,
  type Executable,
  joinAxes,
  type Kernel,
  kernelOf,
  type Program,
  visit,
} from "@torchium/tensor/backend";
import { interpret, type OperandView } from "@torchium/tensor/reference";
import { type Bounded, boundedArithmetic } from "./error-bounds.js";
import { formatProgram } from "./format-program.js";
import type { OperandLayout } from "./layout.js";

/** One operand of a trial. */
export type TrialOperand = OperandLayout & {
  readonly type: DType;
  /** Has no memory: its value is its address. */
  readonly index?: boolean;
  /** Elements of the storage of an input, or of an output whose contents matter. */
  readonly values?: readonly number[];
  /** An output that lies on the storage of this input. */
  readonly over?: number;
};

/** What the elements of one output must be, by address in its storage; other elements must stay as they were. */
export type Expected = ReadonlyMap<number, Bounded>;

/** One launch and what it must do. */
export type Trial = {
  readonly label: string;
  readonly compile: (backend: Backend) => Executable | undefined;
  readonly sizes: readonly number[];
  /** Inputs, then outputs. */
  readonly operands: readonly TrialOperand[];
  readonly scalars: readonly number[];
  /** What each output must hold; reads inputs through `read`. */
  readonly expect: (read: (operand: number, address: number) => number) => readonly Expected[];
  /** The program and its layout, for people. */
  readonly describe: () => string;
};

/** A program with its data, from which a kernel trial is made. */
export type ProgramRun = {
  readonly label: string;
  readonly program: Program;
  readonly sizes: readonly number[];
  /** Inputs, then outputs. */
  readonly operands: readonly TrialOperand[];
  readonly scalars: readonly number[];
  /** Join axes as core does before it compiles; true unless given. */
  readonly join?: boolean;
  /** What every element of the outputs must be, where error analysis cannot decide but the program does. */
  readonly result?: number;
};

/** The kernel of a run and the space it is launched over. */
function spaceOf({ program, sizes, operands, join = true }: ProgramRun) {
  const strides = operands.map((o) => [...o.strides]);
  const space = join ? joinAxes(sizes, strides, hasRow(program) ? 1 : 0) : { sizes: [...sizes], strides };
  const kernel: Kernel = kernelOf(program, space);
  return { kernel, space };
}

/** Whether the last axis of a program means something: a program without reductions and roles is a map. */
function hasRow({ inputs, reduces, outputs }: Program): boolean {
  if (reduces.length > 0 || [...inputs, ...outputs].some((x) => x.role !== "full")) return true;
  let found = false;
  for (const { expr } of outputs) {
    visit(expr, new Set(), (e) => {
      found ||= e.kind === "rowSize";
    });
  }
  return found;
}

/** The trial of a program: compiled as a kernel, judged by the interpreter. */
export function kernelTrial(run: ProgramRun): Trial {
  const { program, operands } = run;
  const { kernel, space } = spaceOf(run);
  return {
    label: run.label,
    compile: (backend) => backend.compile(kernel),
    sizes: space.sizes,
    operands: operands.map((o, i) => ({ ...o, strides: space.strides[i]! })),
    scalars: run.scalars,
    expect: (read) => {
      const expected = expectProgram(program, run.sizes, operands, run.scalars, read);
      if (run.result === undefined) return expected;
      const certain = { value: run.result, error: 0 };
      return expected.map((elements) => new Map([...elements.keys()].map((address) => [address, certain])));
    },
    describe: () =>
      [formatProgram(program), ...describeOperands(run.sizes, operands), `scalars [${run.scalars.join(", ")}]`].join(
        "\n",
      ),
  };
}

/**
 * What a program computes over operands, with error bounds. `given` are its first inputs where they are no operands;
 * `read` counts operands from there.
 */
export function expectProgram(
  program: Program,
  sizes: readonly number[],
  operands: readonly TrialOperand[],
  scalars: readonly number[],
  read: (operand: number, address: number) => number,
  given: readonly OperandView<Bounded>[] = [],
  arithmetic = boundedArithmetic,
): Expected[] {
  const outputs = program.outputs.map(() => new Map<number, Bounded>());
  const firstOutput = operands.length - outputs.length;
  const views = operands.map(
    ({ strides, offset, type }, i): OperandView<Bounded> => ({
      strides,
      offset,
      read: (address) => arithmetic.exact(read(i, address), type),
      write: (address, value) => outputs[i - firstOutput]!.set(address, value),
    }),
  );
  interpret(program, sizes, [...given, ...views], scalars, arithmetic);
  return outputs;
}

/** One line an operand: its type and layout. */
export function describeOperands(sizes: readonly number[], operands: readonly TrialOperand[]): string[] {
  const lines = operands.map(({ type, strides, offset, extent, index, over }, i) => {
    const kind = index ? "index" : over === undefined ? `${extent} elements` : `on operand ${over}`;
    return `operand ${i}: ${type}, strides [${strides.join(", ")}], offset ${offset}, ${kind}`;
  });
  return [`sizes [${sizes.join(", ")}]`, ...lines];
}
