// Adagrad: a learning rate for each weight that shrinks with the gradients it has seen.

import { number } from "@torchium/tensor/options";
import type { CommonOptions, OptimizerDeclaration } from "../declaration.js";
import { Optimizer } from "../optimizer.js";
import type { Params } from "../parameters.js";

/** Options of `Adagrad`. */
export type AdagradOptions = CommonOptions & {
  /** η: the learning rate of step t is `lr / (1 + (t − 1)η)`. */
  readonly lrDecay: number;
  /** L2 penalty λ, added to the gradient. */
  readonly weightDecay: number;
  /** Where the sum of squares starts. */
  readonly initialAccumulatorValue: number;
  /** Added to the denominator, ε. */
  readonly eps: number;
};

const adagrad: OptimizerDeclaration<AdagradOptions, "sum"> = {
  name: "Adagrad",
  options: {
    lr: number({ atLeast: 0 }, 1e-2),
    lrDecay: number({ atLeast: 0 }, 0),
    weightDecay: number({ atLeast: 0 }, 0),
    initialAccumulatorValue: number({ atLeast: 0 }, 0),
    eps: number({ atLeast: 0 }, 1e-10),
  },
  state: { sum: { shape: "parameter", initial: ({ initialAccumulatorValue }) => initialAccumulatorValue } },
  rows: { onlyWithout: ["weightDecay"] },
  rule({ parameter, gradient, state, options, step }) {
    const { lr, lrDecay, weightDecay, eps } = options;
    const decayed = weightDecay === 0 ? gradient : gradient.add(parameter.mul(weightDecay));
    const sum = state.sum.add(decayed.mul(decayed));
    const stepSize = lr / (1 + (step - 1) * lrDecay);
    return { parameter: parameter.sub(decayed.div(sum.sqrt().add(eps)).mul(stepSize)), state: { sum } };
  },
};

/**
 * Adagrad (Duchi et al., JMLR 2011): `s += g²`, `p −= lr / (1 + (t − 1)η) · g / (√s + ε)`, where g includes `λp`.
 */
export class Adagrad extends Optimizer<AdagradOptions> {
  static readonly declaration = adagrad;

  /** @throws TensorError `argument` for options or parameters that make no sense */
  constructor(params: Params<AdagradOptions>, options: Partial<AdagradOptions> = {}) {
    super(adagrad, params, options);
  }
}
