// NovoGrad: gradients normalised tensor by tensor, so the second moment is one number for each.

import { flag, number, pair } from "@torchium/tensor/options";
import type { CommonOptions, OptimizerDeclaration } from "../declaration.js";
import { Optimizer } from "../optimizer.js";
import type { Params } from "../parameters.js";

/** Options of `NovoGrad`. */
export type NovoGradOptions = CommonOptions & {
  /** Decay rates β₁ of the first moment and β₂ of the norm's. */
  readonly betas: readonly [number, number];
  /** Added to the denominator, ε. */
  readonly eps: number;
  /** Decay λ, added to the normalised gradient. */
  readonly weightDecay: number;
  /** Weigh the new gradient with 1 − β₁, as in a mean. */
  readonly gradAveraging: boolean;
  /** Divide by the largest second moment so far. */
  readonly amsgrad: boolean;
};

const novoGrad: OptimizerDeclaration<NovoGradOptions, "expAvg" | "expAvgSq" | "maxExpAvgSq"> = {
  name: "NovoGrad",
  options: {
    lr: number({ atLeast: 0 }, 1e-3),
    betas: pair({ atLeast: 0, below: 1 }, [0.9, 0.999]),
    eps: number({ atLeast: 0 }, 1e-8),
    weightDecay: number({ atLeast: 0 }, 0),
    gradAveraging: flag(false),
    amsgrad: flag(false),
  },
  state: {
    expAvg: { shape: "parameter" },
    expAvgSq: { shape: "scalar" },
    maxExpAvgSq: { shape: "scalar", when: ({ amsgrad }) => amsgrad },
  },
  rule({ parameter, gradient, state, options, isNew }) {
    const { lr, betas, eps, weightDecay, gradAveraging, amsgrad } = options;
    const [beta1, beta2] = betas;
    const square = gradient.mul(gradient).sum();
    // The first norm counts whole; as numbers, so that all steps record the same operations.
    const [kept, added] = isNew("expAvgSq") ? [0, 1] : [beta2, 1 - beta2];
    const expAvgSq = state.expAvgSq.mul(kept).add(square.mul(added));
    const maxExpAvgSq = amsgrad ? state.maxExpAvgSq.maximum(expAvgSq) : undefined;
    const normalised = gradient.div((maxExpAvgSq ?? expAvgSq).sqrt().add(eps));
    const decayed = weightDecay === 0 ? normalised : normalised.add(parameter.mul(weightDecay));
    const expAvg = state.expAvg.mul(beta1).add(gradAveraging ? decayed.mul(1 - beta1) : decayed);
    return { parameter: parameter.sub(expAvg.mul(lr)), state: { expAvg, expAvgSq, maxExpAvgSq } };
  },
};

/**
 * NovoGrad (Ginsburg et al., arXiv 1905.11286): `v = β₂v + (1 − β₂)‖g‖²`, starting at the first ‖g‖²;
 * `m = β₁m + g / (√v + ε) + λp`, the sum of the last two times 1 − β₁ with `gradAveraging`; `p −= lr·m`.
 */
export class NovoGrad extends Optimizer<NovoGradOptions> {
  static readonly declaration = novoGrad;

  /** @throws TensorError `argument` for options or parameters that make no sense */
  constructor(params: Params<NovoGradOptions>, options: Partial<NovoGradOptions> = {}) {
    super(novoGrad, params, options);
  }
}
