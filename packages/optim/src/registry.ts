// Optimizers by name. A separate entry, so that importing one optimizer does not bring the others along.

import { type Tensor, unknownName } from "@torchium/tensor";
import type { AnyOptimizer } from "./optimizer.js";
import { Adagrad } from "./optimizers/adagrad.js";
import { Adam } from "./optimizers/adam.js";
import { AdamW } from "./optimizers/adamw.js";
import { LAMB } from "./optimizers/lamb.js";
import { Lion } from "./optimizers/lion.js";
import { NovoGrad } from "./optimizers/novograd.js";
import { RAdam } from "./optimizers/radam.js";
import { RMSprop } from "./optimizers/rmsprop.js";
import { SGD } from "./optimizers/sgd.js";
import { SparseAdam } from "./optimizers/sparse-adam.js";
import type { ParamGroupInit } from "./parameters.js";
import { PCGrad } from "./pcgrad/pcgrad.js";

type AnyOptions = Readonly<Record<string, unknown>>;
type OptimizerClass = {
  readonly declaration: { readonly name: string };
  new (params: Iterable<Tensor> | Iterable<ParamGroupInit<AnyOptions>>, options: never): AnyOptimizer;
};

const classes: readonly OptimizerClass[] = [
  SGD,
  Adam,
  AdamW,
  LAMB,
  NovoGrad,
  PCGrad,
  Adagrad,
  RMSprop,
  RAdam,
  Lion,
  SparseAdam,
];

/** The names that `createOptimizer` knows. */
export const availableOptimizers = (): string[] => classes.map(({ declaration }) => declaration.name);

/**
 * Makes an optimizer by its name, in any mix of upper and lower case: `createOptimizer("AdamW", params, { lr: 1e-3 })`.
 * @throws TensorError `argument` for a name that is not available, and as the optimizer itself does
 */
export function createOptimizer(
  name: string,
  params: Iterable<Tensor> | Iterable<ParamGroupInit<AnyOptions>>,
  options: AnyOptions = {},
): AnyOptimizer {
  const wanted = String(name).toLowerCase();
  const found = classes.find(({ declaration }) => declaration.name.toLowerCase() === wanted);
  if (!found) throw unknownName("createOptimizer", "optimizer", String(name), availableOptimizers());
  return new found(params, options as never);
}
