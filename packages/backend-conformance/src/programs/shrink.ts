// Makes a failing run smaller while it keeps failing, so that what is printed is the core of the fault.

import { type Expr, makeProgram, type Program, type ProgramOutput } from "@torchium/tensor/backend";
import { denseLayout } from "../layout.js";
import type { ProgramRun, TrialOperand } from "../trial.js";

const maxAttempts = 150;

/** The smallest run found from `run` for which `fails` still holds. */
export async function shrink(run: ProgramRun, fails: (run: ProgramRun) => Promise<boolean>): Promise<ProgramRun> {
  let smallest = run;
  let attempts = 0;
  search: while (attempts < maxAttempts) {
    for (const candidate of simpler(smallest)) {
      if (attempts++ >= maxAttempts) break;
      if (await fails(candidate)) {
        smallest = candidate;
        continue search;
      }
    }
    return smallest;
  }
  return smallest;
}

/** Runs that are simpler by one step, the boldest first. */
function* simpler(run: ProgramRun): Generator<ProgramRun> {
  const { program, sizes, operands } = run;
  const inputs = program.inputs.length;
  if (program.outputs.length > 1) {
    for (let k = 0; k < program.outputs.length; k++) {
      yield withOutputs(run, [program.outputs[k]!], [operands[inputs + k]!]);
    }
  }
  for (let axis = 0; axis < sizes.length; axis++) {
    const size = sizes[axis]!;
    for (const smaller of new Set([1, size >> 1, size - 1])) {
      if (smaller >= 1 && smaller < size) yield { ...run, sizes: sizes.with(axis, smaller) };
    }
  }
  const dense = densely(run);
  if (dense) yield dense;
  for (let k = 0; k < program.outputs.length; k++) {
    const { expr, role } = program.outputs[k]!;
    for (const part of partsOf(expr)) {
      if (role === "lane" && part.type === "bool") continue;
      const outputs = program.outputs.with(k, { expr: part, role });
      yield withOutputs(run, outputs, operands.slice(inputs).with(k, { ...operands[inputs + k]!, type: part.type }));
    }
  }
  for (let r = 0; r < program.reduces.length; r++) {
    const { op, of } = program.reduces[r]!;
    for (const part of partsOf(of)) {
      if (part.type === of.type)
        yield withProgram(run, { ...program, reduces: program.reduces.with(r, { op, of: part }) });
    }
  }
}

const partsOf = (e: Expr): readonly Expr[] => (e.kind === "apply" ? e.args : []);

const withProgram = (run: ProgramRun, draft: Program): ProgramRun => ({ ...run, program: makeProgram(draft) });

function withOutputs(run: ProgramRun, outputs: readonly ProgramOutput[], laid: readonly TrialOperand[]): ProgramRun {
  const operands = [...run.operands.slice(0, run.program.inputs.length), ...laid];
  return { ...withProgram(run, { ...run.program, outputs }), operands };
}

/** The same run on dense operands, where it is not dense yet. */
function densely(run: ProgramRun): ProgramRun | undefined {
  const roles = [...run.program.inputs.map((x) => x.role), ...run.program.outputs.map((o) => o.role)];
  const operands = run.operands.map((o, i): TrialOperand => {
    const layout = denseLayout(roles[i]!, run.sizes);
    return {
      ...o,
      ...layout,
      ...(o.values && { values: Array.from({ length: layout.extent }, (_, at) => o.values![at % o.values!.length]!) }),
    };
  });
  const changed = operands.some(
    (o, i) =>
      o.offset !== run.operands[i]!.offset || o.strides.some((st, axis) => st !== run.operands[i]!.strides[axis]),
  );
  return changed ? { ...run, operands } : undefined;
}
