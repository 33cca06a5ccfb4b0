// RMSprop: gradients divided by a running mean of their size, as in PyTorch.

import { flag, number } from "@torchium/tensor/options";
import type { CommonOptions, OptimizerDeclaration } from "../declaration.js";
import { Optimizer } from "../optimizer.js";
import type { Params } from "../parameters.js";

/** Options of `RMSprop`. */
export type RMSpropOptions = CommonOptions & {
  /** Decay rate α of the mean square. */
  readonly alpha: number;
  /** Added to the denominator, ε. */
  readonly eps: number;
  /** L2 penalty λ, added to the gradient. */
  readonly weightDecay: number;
  /** How much of the last step goes into the next one, μ; 0 for none. */
  readonly momentum: number;
  /** Divide by an estimate of the gradient's deviation rather than of its size. */
  readonly centered: boolean;
};

const rmsProp: OptimizerDeclaration<RMSpropOptions, "squareAvg" | "gradAvg" | "momentumBuffer"> = {
  name: "RMSprop",
  options: {
    lr: number({ atLeast: 0 }, 1e-2),
    alpha: number({ atLeast: 0, atMost: 1 }, 0.99),
    eps: number({ atLeast: 0 }, 1e-8),
    weightDecay: number({ atLeast: 0 }, 0),
    momentum: number({ atLeast: 0 }, 0),
    centered: flag(false),
  },
  state: {
    squareAvg: { shape: "parameter" },
    gradAvg: { shape: "parameter", when: ({ centered }) => centered },
    momentumBuffer: { shape: "parameter", when: ({ momentum }) => momentum !== 0 },
  },
  rule({ parameter, gradient, state, options }) {
    const { lr, alpha, eps, weightDecay, momentum, centered } = options;
    const decayed = weightDecay === 0 ? gradient : gradient.add(parameter.mul(weightDecay));
    const squareAvg = state.squareAvg.mul(alpha).add(decayed.mul(decayed).mul(1 - alpha));
    const gradAvg = centered ? state.gradAvg.lerp(decayed, 1 - alpha) : undefined;
    const spread = gradAvg ? squareAvg.sub(gradAvg.mul(gradAvg)) : squareAvg;
    const scaled = decayed.div(spread.sqrt().add(eps));
    const momentumBuffer = momentum === 0 ? undefined : state.momentumBuffer.mul(momentum).add(scaled);
    const direction = momentumBuffer ?? scaled;
    return { parameter: parameter.sub(direction.mul(lr)), state: { squareAvg, gradAvg, momentumBuffer } };
  },
};

/**
 * RMSprop (Tieleman & Hinton 2012): `v = αv + (1 − α)g²`, `p −= lr · g / (√v + ε)`, where g includes `λp`. `centered`
 * subtracts the square of the mean gradient from v (Graves, arXiv 1308.0850); momentum accumulates the steps.
 */
export class RMSprop extends Optimizer<RMSpropOptions> {
  static readonly declaration = rmsProp;

  /** @throws TensorError `argument` for options or parameters that make no sense */
  constructor(params: Params<RMSpropOptions>, options: Partial<RMSpropOptions> = {}) {
    super(rmsProp, params, options);
  }
}
