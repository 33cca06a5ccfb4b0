// Stochastic gradient descent with momentum, as in PyTorch.

import { flag, number, refuseOptions } from "@torchium/tensor/options";
import type { CommonOptions, OptimizerDeclaration } from "../declaration.js";
import { Optimizer } from "../optimizer.js";
import type { Params } from "../parameters.js";

/** Options of `SGD`. */
export type SGDOptions = CommonOptions & {
  /** How much of the last step goes into the next one, μ; 0 for none. */
  readonly momentum: number;
  /** How much of the gradient the momentum leaves out, τ. */
  readonly dampening: number;
  /** Look ahead: step along g + μ·b. Needs momentum and no dampening. */
  readonly nesterov: boolean;
  /** L2 penalty λ, added to the gradient. */
  readonly weightDecay: number;
};

const sgd: OptimizerDeclaration<SGDOptions, "momentumBuffer"> = {
  name: "SGD",
  options: {
    lr: number({ atLeast: 0 }, 1e-3),
    momentum: number({ atLeast: 0 }, 0),
    dampening: number({}, 0),
    nesterov: flag(false),
    weightDecay: number({ atLeast: 0 }, 0),
  },
  state: { momentumBuffer: { shape: "parameter", when: ({ momentum }) => momentum !== 0 } },
  rows: { onlyWithout: ["momentum", "weightDecay"], scale: ({ lr }) => -lr },
  rule({ parameter, gradient, state, options, isNew }) {
    const { lr, momentum, dampening, nesterov, weightDecay } = options;
    const decayed = weightDecay === 0 ? gradient : gradient.add(parameter.mul(weightDecay));
    if (momentum === 0) return { parameter: parameter.sub(decayed.mul(lr)), state: {} };
    // The first step is not dampened; as a number, so that all steps record the same operations.
    const share = isNew("momentumBuffer") ? 1 : 1 - dampening;
    const momentumBuffer = state.momentumBuffer.mul(momentum).add(decayed.mul(share));
    const direction = nesterov ? decayed.add(momentumBuffer.mul(momentum)) : momentumBuffer;
    return { parameter: parameter.sub(direction.mul(lr)), state: { momentumBuffer } };
  },
  check({ nesterov, momentum, dampening }) {
    if (!nesterov || (momentum > 0 && dampening === 0)) return;
    const got = `got momentum ${momentum} and dampening ${dampening}`;
    refuseOptions("SGD", `nesterov needs momentum above 0 and dampening 0, ${got}`);
  },
};

/**
 * Stochastic gradient descent: `b = μb + (1 − τ)(g + λp)`, `p −= lr·b` (the first b is the gradient itself; without
 * momentum b is always the gradient). Sutskever et al. 2013 describe momentum and Nesterov's form of it.
 */
export class SGD extends Optimizer<SGDOptions> {
  static readonly declaration = sgd;

  /** @throws TensorError `argument` for options or parameters that make no sense */
  constructor(params: Params<SGDOptions>, options: Partial<SGDOptions> = {}) {
    super(sgd, params, options);
  }
}
