// Adam with decoupled weight decay.

import { number } from "@torchium/tensor/options";
import type { OptimizerDeclaration } from "../declaration.js";
import { Optimizer } from "../optimizer.js";
import type { Params } from "../parameters.js";
import { type AdamOptions, type AdamState, adam, adamStep } from "./adam.js";

/** Options of `AdamW`. */
export type AdamWOptions = AdamOptions;

const adamW: OptimizerDeclaration<AdamWOptions, AdamState> = {
  name: "AdamW",
  options: { ...adam.options, weightDecay: number({ atLeast: 0 }, 1e-2) },
  state: adam.state,
  rule(input) {
    const { lr, weightDecay } = input.options;
    if (weightDecay === 0) return adamStep(input);
    return adamStep({ ...input, parameter: input.parameter.mul(1 - lr * weightDecay) });
  },
};

/**
 * AdamW (Loshchilov & Hutter, arXiv 1711.05101): `p −= lr·λ·p`, then Adam's step on the plain gradient.
 */
export class AdamW extends Optimizer<AdamWOptions> {
  static readonly declaration = adamW;

  /** @throws TensorError `argument` for options or parameters that make no sense */
  constructor(params: Params<AdamWOptions>, options: Partial<AdamWOptions> = {}) {
    super(adamW, params, options);
  }
}
