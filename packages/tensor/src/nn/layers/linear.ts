// Linear, Identity and Flatten.

import { checkInteger } from "../../arguments.js";
import { flatten } from "../../functions.js";
import type { Tensor } from "../../tensor.js";
import { checkFloat, checkShape } from "../checks.js";
import { linear } from "../functional/linear.js";
import { uniformValues } from "../init/values.js";
import { Module } from "../module.js";
import { checkCount, checkOptions, type ParameterOptions, parameterOptions } from "../options.js";
import { Parameter } from "../parameter.js";

/** Options of `Linear`. */
export type LinearOptions = ParameterOptions & {
  /** Whether to add a bias; true unless given. */
  readonly bias?: boolean;
};

/** `x Wᵀ + b`: [..., inFeatures] → [..., outFeatures]. Both start uniform within ±1/√inFeatures. */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** [outFeatures, inFeatures]. */
  weight: Parameter;
  /** [outFeatures]. */
  bias: Parameter | undefined;

  /** @throws TensorError `argument` */
  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super();
    checkCount("Linear", "inFeatures", inFeatures);
    checkCount("Linear", "outFeatures", outFeatures);
    checkOptions("Linear", options, ["bias", ...parameterOptions]);
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    const bound = 1 / Math.sqrt(inFeatures);
    this.weight = new Parameter(uniformValues([outFeatures, inFeatures], -bound, bound, options));
    if (options.bias ?? true) this.bias = new Parameter(uniformValues([outFeatures], -bound, bound, options));
  }

  /** @throws TensorError `shape`, `dtype` */
  forward(x: Tensor): Tensor {
    checkFloat("Linear", "the input", x);
    checkShape("Linear", "the input", x, [this.inFeatures]);
    return linear(x, this.weight, this.bias);
  }
}

/** Gives what it gets. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

/** Axes `startDim` to `endDim` joined into one: 1 to the last unless given. */
export class Flatten extends Module {
  readonly startDim: number;
  readonly endDim: number;

  /** @throws TensorError `argument` */
  constructor(startDim = 1, endDim = -1) {
    super();
    checkInteger("Flatten", "startDim", startDim);
    checkInteger("Flatten", "endDim", endDim);
    this.startDim = startDim;
    this.endDim = endDim;
  }

  /** @throws TensorError `shape` */
  forward(x: Tensor): Tensor {
    return flatten(x, this.startDim, this.endDim);
  }
}
