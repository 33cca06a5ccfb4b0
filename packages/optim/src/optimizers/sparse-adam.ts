// Adam on the rows that a row-sparse gradient touches, as in PyTorch.

import { number, pair } from "@torchium/tensor/options";
import type { CommonOptions, OptimizerDeclaration } from "../declaration.js";
import { Optimizer } from "../optimizer.js";
import type { Params } from "../parameters.js";

/** Options of `SparseAdam`. */
export type SparseAdamOptions = CommonOptions & {
  /** Decay rates β₁, β₂ of the moments. */
  readonly betas: readonly [number, number];
  /** Added to the denominator, ε. */
  readonly eps: number;
};

const sparseAdam: OptimizerDeclaration<SparseAdamOptions, "expAvg" | "expAvgSq"> = {
  name: "SparseAdam",
  options: {
    lr: number({ atLeast: 0 }, 1e-3),
    betas: pair({ atLeast: 0, below: 1 }, [0.9, 0.999]),
    eps: number({ atLeast: 0 }, 1e-8),
  },
  state: { expAvg: { shape: "parameter" }, expAvgSq: { shape: "parameter" } },
  rows: { onlyWithout: [] },
  rule({ parameter, gradient, state, options, step }) {
    const { lr, betas, eps } = options;
    const [beta1, beta2] = betas;
    const expAvg = state.expAvg.lerp(gradient, 1 - beta1);
    const expAvgSq = state.expAvgSq.mul(beta2).add(gradient.mul(gradient).mul(1 - beta2));
    const stepSize = (lr * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step);
    return {
      parameter: parameter.sub(expAvg.div(expAvgSq.sqrt().add(eps)).mul(stepSize)),
      state: { expAvg, expAvgSq },
    };
  },
};

/**
 * Adam for row-sparse gradients (PyTorch's SparseAdam): `m = β₁m + (1 − β₁)g`, `v = β₂v + (1 − β₂)g²`,
 * `p −= lr · √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)`, on the touched rows alone. It is lazy: the moments of the other
 * rows do not decay, and t counts all steps. A dense gradient touches every row.
 */
export class SparseAdam extends Optimizer<SparseAdamOptions> {
  static readonly declaration = sparseAdam;

  /** @throws TensorError `argument` for options or parameters that make no sense */
  constructor(params: Params<SparseAdamOptions>, options: Partial<SparseAdamOptions> = {}) {
    super(sparseAdam, params, options);
  }
}
