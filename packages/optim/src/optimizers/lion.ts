// Lion: steps of one size in every weight, along the sign of a momentum.

import { number, pair } from "@torchium/tensor/options";
import type { CommonOptions, OptimizerDeclaration } from "../declaration.js";
import { Optimizer } from "../optimizer.js";
import type { Params } from "../parameters.js";

/** Options of `Lion`. */
export type LionOptions = CommonOptions & {
  /** β₁ mixes momentum and gradient for the step, β₂ for the momentum kept. */
  readonly betas: readonly [number, number];
  /** Decoupled decay λ. */
  readonly weightDecay: number;
};

const lion: OptimizerDeclaration<LionOptions, "expAvg"> = {
  name: "Lion",
  options: {
    lr: number({ atLeast: 0 }, 1e-4),
    betas: pair({ atLeast: 0, below: 1 }, [0.9, 0.99]),
    weightDecay: number({ atLeast: 0 }, 0),
  },
  state: { expAvg: { shape: "parameter" } },
  rule({ parameter, gradient, state, options }) {
    const { lr, betas, weightDecay } = options;
    const [beta1, beta2] = betas;
    const direction = state.expAvg
      .mul(beta1)
      .add(gradient.mul(1 - beta1))
      .sign();
    const expAvg = state.expAvg.mul(beta2).add(gradient.mul(1 - beta2));
    const decayed = weightDecay === 0 ? parameter : parameter.mul(1 - lr * weightDecay);
    return { parameter: decayed.sub(direction.mul(lr)), state: { expAvg } };
  },
};

/**
 * Lion (Chen et al., arXiv 2302.06675): `p −= lr · (sign(β₁m + (1 − β₁)g) + λp)`, then `m = β₂m + (1 − β₂)g`. Its
 * learning rate is usually three to ten times smaller than AdamW's.
 */
export class Lion extends Optimizer<LionOptions> {
  static readonly declaration = lion;

  /** @throws TensorError `argument` for options or parameters that make no sense */
  constructor(params: Params<LionOptions>, options: Partial<LionOptions> = {}) {
    super(lion, params, options);
  }
}
