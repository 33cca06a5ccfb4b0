// Adam and its first moments, shared by the optimizers that only differ in how they decay weights.

import { flag, number, pair } from "@torchium/tensor/options";
import type { CommonOptions, OptimizerDeclaration, RuleInput, RuleResult } from "../declaration.js";
import { Optimizer } from "../optimizer.js";
import type { Params } from "../parameters.js";

/** Options of `Adam` and `AdamW`. */
export type AdamOptions = CommonOptions & {
  /** Decay rates β₁, β₂ of the moments. */
  readonly betas: readonly [number, number];
  /** Added to the denominator, ε. */
  readonly eps: number;
  /** λ: an L2 penalty in Adam, decoupled decay in AdamW. */
  readonly weightDecay: number;
  /** Divide by the largest second moment so far (Reddi et al. 2018). */
  readonly amsgrad: boolean;
};

/** State of `Adam` and `AdamW`: m, v and, for amsgrad, the largest v. */
export type AdamState = "expAvg" | "expAvgSq" | "maxExpAvgSq";

/** The declaration that Adam and AdamW share but for name, decay and its default. */
export const adam: OptimizerDeclaration<AdamOptions, AdamState> = {
  name: "Adam",
  options: {
    lr: number({ atLeast: 0 }, 1e-3),
    betas: pair({ atLeast: 0, below: 1 }, [0.9, 0.999]),
    eps: number({ atLeast: 0 }, 1e-8),
    weightDecay: number({ atLeast: 0 }, 0),
    amsgrad: flag(false),
  },
  state: {
    expAvg: { shape: "parameter" },
    expAvgSq: { shape: "parameter" },
    maxExpAvgSq: { shape: "parameter", when: ({ amsgrad }) => amsgrad },
  },
  rule(input) {
    const { parameter, gradient, options } = input;
    if (options.weightDecay === 0) return adamStep(input);
    return adamStep({ ...input, gradient: gradient.add(parameter.mul(options.weightDecay)) });
  },
};

/** Adam's step without any weight decay. */
export function adamStep(input: RuleInput<AdamOptions, AdamState>): RuleResult<AdamState> {
  const { parameter, gradient, state, options, step } = input;
  const { lr, betas, eps, amsgrad } = options;
  const [beta1, beta2] = betas;
  const expAvg = state.expAvg.lerp(gradient, 1 - beta1);
  const expAvgSq = state.expAvgSq.mul(beta2).add(gradient.mul(gradient).mul(1 - beta2));
  const maxExpAvgSq = amsgrad ? state.maxExpAvgSq.maximum(expAvgSq) : undefined;
  const correction = Math.sqrt(1 - beta2 ** step);
  const denominator = (maxExpAvgSq ?? expAvgSq).sqrt().div(correction).add(eps);
  const stepSize = lr / (1 - beta1 ** step);
  return { parameter: parameter.sub(expAvg.div(denominator).mul(stepSize)), state: { expAvg, expAvgSq, maxExpAvgSq } };
}

/**
 * Adam (Kingma & Ba, arXiv 1412.6980): `m = β₁m + (1 − β₁)g`, `v = β₂v + (1 − β₂)g²`,
 * `p −= lr · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)`, where g includes the L2 penalty `λp`. See AdamW for decay that
 * is not scaled by the second moment.
 */
export class Adam extends Optimizer<AdamOptions> {
  static readonly declaration = adam;

  /** @throws TensorError `argument` for options or parameters that make no sense */
  constructor(params: Params<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super(adam, params, options);
  }
}
