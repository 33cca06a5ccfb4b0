// The update of a parameter whose gradient only some rows have: those rows are read, computed and written, no others.
// What a step costs then does not depend on the size of the table.

import { addRows, mergeRows, setRows, type Tensor, TensorError, takeRows } from "@torchium/tensor";
import type { CommonOptions, OptimizerDeclaration, RuleInput, RuleResult } from "./declaration.js";

/** `values[i]` [count, width] belongs to row `indices[i]`; rows of one index add up. */
export type RowGradient = { readonly indices: Tensor; readonly values: Tensor };

/**
 * What the rule gives when it is applied to the touched rows alone, of the parameter and of the state.
 * @throws TensorError `unsupported` for an optimizer or options that would move untouched rows too
 */
export function applyToRows<H extends CommonOptions, S extends string>(
  declaration: OptimizerDeclaration<H, S>,
  { indices, values }: RowGradient,
  input: Omit<RuleInput<H, S>, "gradient">,
): RuleResult<S> {
  const { name, rows, rule } = declaration;
  const { parameter, options } = input;
  const obstacles = rows?.onlyWithout.filter((option) => options[option] !== 0);
  if (!rows || !obstacles || obstacles.length > 0) throw refusal(name, parameter, obstacles);
  if (rows.addend) return { parameter: addRows(parameter, indices, rows.addend(values, options)), state: {} };
  // Rows of one index are equal after merging, so all of them compute and write the same.
  const state = mapEntries(input.state, (table) => takeRows(table, indices));
  const touched = takeRows(parameter, indices);
  const result = rule({ ...input, parameter: touched, gradient: mergeRows(indices, values).rows, state });
  return {
    parameter: setRows(parameter, indices, result.parameter),
    state: mapEntries(result.state as Readonly<Record<S, Tensor>>, (updated, slot) =>
      setRows(input.state[slot], indices, updated),
    ),
  };
}

function mapEntries<S extends string>(
  tensors: Readonly<Record<S, Tensor>>,
  map: (tensor: Tensor, slot: S) => Tensor,
): Record<S, Tensor> {
  const entries = Object.entries(tensors) as [S, Tensor][];
  return Object.fromEntries(entries.map(([slot, tensor]) => [slot, map(tensor, slot)])) as Record<S, Tensor>;
}

function refusal(name: string, parameter: Tensor, obstacles: readonly string[] | undefined): TensorError {
  const what = obstacles ? `with ${obstacles.join(" and ")} it` : "it";
  const reason = `${what} also moves rows that a row-sparse gradient leaves out, got one of a [${parameter.shape.join(", ")}] parameter`;
  const remedy = `${obstacles ? `${obstacles.join(" and ")} 0, ` : ""}SparseAdam, plain SGD, Adagrad, or an Embedding without sparse`;
  return new TensorError("unsupported", `${name}.step: ${reason}, expected ${remedy}`, { op: `${name}.step` });
}
