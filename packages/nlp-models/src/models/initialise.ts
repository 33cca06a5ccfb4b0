// The initialisation of the recipes that train a Transformer from scratch.

import { init, type Module, type ParameterOptions } from "@torchium/tensor/nn";

/** Every matrix Xavier-uniform (queries, keys and values as one), every bias zero; norms keep one and zero. */
export function initialiseTransformer(module: Module, { generator }: ParameterOptions): void {
  for (const [name, parameter] of module.namedParameters()) {
    if (parameter.ndim > 1) init.xavierUniform(parameter, { generator });
    else if (name.endsWith("bias")) init.zeros(parameter);
  }
}
