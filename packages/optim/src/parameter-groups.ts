// The usual split of a model's parameters: weight decay on matrices, none on biases and norms.

import { argumentError, type Tensor } from "@torchium/tensor";
import { Embedding, LayerNorm, Module, RMSNorm } from "@torchium/tensor/nn";
import { flag, number, readOptions } from "@torchium/tensor/options";
import type { ParamGroupInit } from "./parameters.js";

/** Options of `parameterGroups`. */
export type ParameterGroupOptions = {
  /** Decay of the first group. */
  readonly weightDecay: number;
  /** Whether embedding tables decay; true unless given. A table tied to an output layer counts as one. */
  readonly decayEmbeddings: boolean;
};

const table = {
  weightDecay: number({ atLeast: 0 }),
  decayEmbeddings: flag(true),
} as const;

/**
 * Groups for an optimizer: parameters of two or more axes with `weightDecay`; biases, the parameters of norms and
 * whatever else has fewer axes without. Takes one module or several, such as a model and its criterion.
 * @throws TensorError `argument`
 */
export function parameterGroups(
  modules: Module | readonly Module[],
  options: Pick<ParameterGroupOptions, "weightDecay"> & Partial<ParameterGroupOptions>,
): ParamGroupInit<{ readonly weightDecay: number }>[] {
  const op = "parameterGroups";
  const { weightDecay, decayEmbeddings } = readOptions(op, table, options);
  const list = modules instanceof Module ? [modules] : [...modules];
  for (const module of list)
    if (!(module instanceof Module)) throw argumentError(op, "modules", "a module or a list of them", module);
  const spared = new Set<Tensor>();
  for (const module of list.flatMap((m) => m.modules())) {
    const spares =
      module instanceof LayerNorm || module instanceof RMSNorm || (!decayEmbeddings && module instanceof Embedding);
    if (spares) for (const p of module.parameters()) spared.add(p);
  }
  const named = new Map(list.flatMap((m) => m.namedParameters()).map(([name, p]) => [p as Tensor, name]));
  const isBias = (name: string): boolean => /(^|[._])bias(_|$)/.test(name);
  const decays = ([p, name]: readonly [Tensor, string]): boolean => p.ndim >= 2 && !spared.has(p) && !isBias(name);
  const groups = [
    { params: [...named].filter(decays).map(([p]) => p), weightDecay },
    { params: [...named].filter((entry) => !decays(entry)).map(([p]) => p), weightDecay: 0 },
  ];
  return groups.filter(({ params }) => params.length > 0);
}
