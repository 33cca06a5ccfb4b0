// The update of a parameter whose gradient only some rows have: those rows are read, computed and written, no others.
// What a step costs then does not depend on the size of the table.

import {
  addWeightedRows,
  full,
  mergeRows,
  type RowGradient,
  setRows,
  type Tensor,
  TensorError,
  takeRows,
} from "@torchium/tensor";
import type { CommonOptions, OptimizerDeclaration, RuleInput, RuleResult } from "./declaration.js";

/**
 * What the rule gives when it is applied to the touched rows alone, of the parameter and of the state.
 * @throws TensorError `unsupported` for an optimizer or options that would move untouched rows too
 */
export function applyToRows<H extends CommonOptions, S extends string>(
  declaration: OptimizerDeclaration<H, S>,
  gradient: RowGradient,
  input: Omit<RuleInput<H, S>, "gradient">,
): RuleResult<S> {
  const { name, rows, rule } = declaration;
  const { parameter, options } = input;
  const obstacles = rows?.onlyWithout.filter((option) => options[option] !== 0);
  if (!rows || !obstacles || obstacles.length > 0) throw refusal(name, parameter, obstacles);
  if (rows.scale) return { parameter: addScaled(parameter, gradient, rows.scale(options)), state: {} };
  // Rows of one index are equal after merging, so all of them compute and write the same.
  const { ids, rows: sums } = mergeRows(gradient.indices, gradient.values);
  const state = mapEntries(input.state, (table) => takeRows(table, ids));
  const result = rule({ ...input, parameter: takeRows(parameter, ids), gradient: sums, state });
  return {
    parameter: setRows(parameter, ids, result.parameter),
    state: mapEntries(result.state as Readonly<Record<S, Tensor>>, (updated, slot) =>
      setRows(input.state[slot], ids, updated),
    ),
  };
}

function addScaled(parameter: Tensor, { indices, values, products }: RowGradient, scale: number): Tensor {
  const { dtype, device } = parameter;
  const count = indices.numel;
  if (!products)
    return addWeightedRows(parameter, indices.view(count, 1), full([count, 1], scale, { dtype, device }), values);
  const { weights, vectors } = products;
  return addWeightedRows(parameter, indices.view(...weights.shape), weights.mul(scale), vectors);
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
