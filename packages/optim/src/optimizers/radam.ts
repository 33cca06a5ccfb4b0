// RAdam: Adam that waits with dividing by the second moment until that is known well enough.

import { flag, number, pair } from "@torchium/tensor/options";
import type { CommonOptions, OptimizerDeclaration } from "../declaration.js";
import { Optimizer } from "../optimizer.js";
import type { Params } from "../parameters.js";

/** Options of `RAdam`. */
export type RAdamOptions = CommonOptions & {
  /** Decay rates β₁, β₂ of the moments. */
  readonly betas: readonly [number, number];
  /** Added to the denominator, ε. */
  readonly eps: number;
  /** λ: an L2 penalty, or decoupled decay with `decoupledWeightDecay`. */
  readonly weightDecay: number;
  /** Decay weights as AdamW does. */
  readonly decoupledWeightDecay: boolean;
};

const radam: OptimizerDeclaration<RAdamOptions, "expAvg" | "expAvgSq"> = {
  name: "RAdam",
  options: {
    lr: number({ atLeast: 0 }, 1e-3),
    betas: pair({ atLeast: 0, below: 1 }, [0.9, 0.999]),
    eps: number({ atLeast: 0 }, 1e-8),
    weightDecay: number({ atLeast: 0 }, 0),
    decoupledWeightDecay: flag(false),
  },
  state: { expAvg: { shape: "parameter" }, expAvgSq: { shape: "parameter" } },
  rule({ parameter, gradient, state, options, step }) {
    const { lr, betas, eps, weightDecay, decoupledWeightDecay } = options;
    const [beta1, beta2] = betas;
    const coupled = weightDecay !== 0 && !decoupledWeightDecay;
    const start = weightDecay !== 0 && decoupledWeightDecay ? parameter.mul(1 - lr * weightDecay) : parameter;
    const decayed = coupled ? gradient.add(parameter.mul(weightDecay)) : gradient;
    const expAvg = state.expAvg.lerp(decayed, 1 - beta1);
    const expAvgSq = state.expAvgSq.mul(beta2).add(decayed.mul(decayed).mul(1 - beta2));
    const { scale, root, offset } = rectification(step, beta2, eps);
    const denominator = expAvgSq.sqrt().mul(root).add(offset);
    const stepSize = (lr / (1 - beta1 ** step)) * scale;
    return { parameter: start.sub(expAvg.div(denominator).mul(stepSize)), state: { expAvg, expAvgSq } };
  },
};

/**
 * The step is `scale · m̂ / (root·√v + offset)`: with `root` 0 as long as the variance of v is unbounded, so that both
 * phases record the same operations.
 */
function rectification(step: number, beta2: number, eps: number): { scale: number; root: number; offset: number } {
  const decay = beta2 ** step;
  const longest = 2 / (1 - beta2) - 1;
  const length = longest - (2 * step * decay) / (1 - decay);
  if (length <= 5) return { scale: 1, root: 0, offset: 1 };
  const rectified = Math.sqrt(((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length));
  return { scale: rectified * Math.sqrt(1 - decay), root: 1, offset: eps };
}

/**
 * Rectified Adam (Liu et al., arXiv 1908.03265): Adam's step times `r`, the ratio that keeps the variance of the
 * adaptive rate what it is in the limit; while `ρ = ρ∞ − 2tβ₂ᵗ / (1 − β₂ᵗ)` is at most 5, the step is `lr·m̂` alone.
 */
export class RAdam extends Optimizer<RAdamOptions> {
  static readonly declaration = radam;

  /** @throws TensorError `argument` for options or parameters that make no sense */
  constructor(params: Params<RAdamOptions>, options: Partial<RAdamOptions> = {}) {
    super(radam, params, options);
  }
}
