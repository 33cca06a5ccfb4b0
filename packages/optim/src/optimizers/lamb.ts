// LAMB: Adam's direction, with a step length that each tensor's own size decides. Made for large batches.

import { flag, number, pair } from "@torchium/tensor/options";
import type { CommonOptions, OptimizerDeclaration } from "../declaration.js";
import { Optimizer } from "../optimizer.js";
import type { Params } from "../parameters.js";

/** Options of `LAMB`. */
export type LAMBOptions = CommonOptions & {
  /** Decay rates β₁, β₂ of the moments. */
  readonly betas: readonly [number, number];
  /** Added to the denominator, ε. */
  readonly eps: number;
  /** Decay λ, added to Adam's direction before its length is taken. */
  readonly weightDecay: number;
  /** The largest ‖p‖ that counts; Infinity for no limit. */
  readonly clampValue: number;
  /** Correct the moments for starting at 0. */
  readonly biasCorrection: boolean;
};

const lamb: OptimizerDeclaration<LAMBOptions, "expAvg" | "expAvgSq"> = {
  name: "LAMB",
  options: {
    lr: number({ atLeast: 0 }, 1e-3),
    betas: pair({ atLeast: 0, below: 1 }, [0.9, 0.999]),
    eps: number({ atLeast: 0 }, 1e-6),
    weightDecay: number({ atLeast: 0 }, 0.01),
    clampValue: number({ atLeast: 0, infinite: true }, 10),
    biasCorrection: flag(true),
  },
  state: { expAvg: { shape: "parameter" }, expAvgSq: { shape: "parameter" } },
  rule({ parameter, gradient, state, options, step }) {
    const { lr, betas, eps, weightDecay, clampValue, biasCorrection } = options;
    const [beta1, beta2] = betas;
    const [first, second] = biasCorrection ? [1 - beta1 ** step, 1 - beta2 ** step] : [1, 1];
    const moments = () => {
      const expAvg = state.expAvg.lerp(gradient, 1 - beta1);
      const expAvgSq = state.expAvgSq.mul(beta2).add(gradient.mul(gradient).mul(1 - beta2));
      const direction = expAvg.div(first).div(expAvgSq.div(second).sqrt().add(eps));
      const update = weightDecay === 0 ? direction : direction.add(parameter.mul(weightDecay));
      return { expAvg, expAvgSq, update };
    };
    const size = parameter.norm();
    const counted = clampValue === Number.POSITIVE_INFINITY ? size : size.clamp(undefined, clampValue);
    // Once for the length and again for the new values: cheaper than memory for every update between the two.
    const length = moments().update.norm();
    const { expAvg, expAvgSq, update } = moments();
    const ratio = counted.gt(0).logicalAnd(length.gt(0)).where(counted.div(length), 1);
    return { parameter: parameter.sub(update.mul(ratio.mul(lr))), state: { expAvg, expAvgSq } };
  },
};

/**
 * LAMB (You et al., arXiv 1904.00962): with Adam's m̂ and v̂, `u = m̂ / (√v̂ + ε) + λp`,
 * `r = min(‖p‖, clampValue) / ‖u‖` for each tensor (1 where a norm is 0), `p −= lr·r·u`.
 */
export class LAMB extends Optimizer<LAMBOptions> {
  static readonly declaration = lamb;

  /** @throws TensorError `argument` for options or parameters that make no sense */
  constructor(params: Params<LAMBOptions>, options: Partial<LAMBOptions> = {}) {
    super(lamb, params, options);
  }
}
