// LayerNorm and RMSNorm.

import { ones, zeros } from "../../creation.js";
import { TensorError } from "../../errors.js";
import type { Shape } from "../../shape.js";
import type { Tensor } from "../../tensor.js";
import { checkFloat, checkShape } from "../checks.js";
import { layerNorm, rmsNorm } from "../functional/normalization.js";
import { Module } from "../module.js";
import { checkNotNegative, checkOptions, type ParameterOptions, parameterOptions } from "../options.js";
import { Parameter } from "../parameter.js";

/** Options of `LayerNorm`. */
export type LayerNormLayerOptions = Omit<ParameterOptions, "generator"> & {
  /** Added to the variance; 1e-5 unless given. */
  readonly eps?: number;
  /** Whether there is a weight (and bias); true unless given. */
  readonly elementwiseAffine?: boolean;
  /** Whether there is a bias beside the weight; true unless given. */
  readonly bias?: boolean;
};

const [dtypeName, deviceName] = parameterOptions;

function checkNormalized(layer: string, size: number | Shape): Shape {
  const shape = typeof size === "number" ? [size] : size;
  if (!Array.isArray(shape) || shape.length === 0 || shape.some((d) => !Number.isInteger(d) || d < 1)) {
    const got = typeof size === "number" ? size : `[${size}]`;
    throw new TensorError(
      "argument",
      `${layer}: normalizedShape must be a positive integer or an array of them, got ${got}`,
      { op: layer, field: "normalizedShape", got: size },
    );
  }
  return [...shape];
}

/** `γ (x − mean)/√(var + ε) + β` over the last axes, which have `normalizedShape`. */
export class LayerNorm extends Module {
  readonly normalizedShape: Shape;
  readonly eps: number;
  weight: Parameter | undefined;
  bias: Parameter | undefined;

  /** @throws TensorError `argument` */
  constructor(normalizedShape: number | Shape, options: LayerNormLayerOptions = {}) {
    super();
    checkOptions("LayerNorm", options, ["eps", "elementwiseAffine", "bias", dtypeName, deviceName]);
    const { eps = 1e-5, elementwiseAffine = true, bias = true, dtype, device } = options;
    checkNotNegative("LayerNorm", "eps", eps);
    this.normalizedShape = checkNormalized("LayerNorm", normalizedShape);
    this.eps = eps;
    if (!elementwiseAffine) return;
    this.weight = new Parameter(ones(this.normalizedShape, { dtype, device }));
    if (bias) this.bias = new Parameter(zeros(this.normalizedShape, { dtype, device }));
  }

  /** @throws TensorError `shape`, `dtype` */
  forward(x: Tensor): Tensor {
    checkFloat("LayerNorm", "the input", x);
    checkShape("LayerNorm", "the input", x, this.normalizedShape);
    const { weight, bias, eps } = this;
    return layerNorm(x, this.normalizedShape, { weight, bias, eps });
  }
}

/** Options of `RMSNorm`. */
export type RMSNormOptions = Omit<LayerNormLayerOptions, "bias">;

/** `γ x/√(mean(x²) + ε)` over the last axes; ε is the dtype's epsilon unless given. */
export class RMSNorm extends Module {
  readonly normalizedShape: Shape;
  readonly eps: number | undefined;
  weight: Parameter | undefined;

  /** @throws TensorError `argument` */
  constructor(normalizedShape: number | Shape, options: RMSNormOptions = {}) {
    super();
    checkOptions("RMSNorm", options, ["eps", "elementwiseAffine", dtypeName, deviceName]);
    const { eps, elementwiseAffine = true, dtype, device } = options;
    if (eps !== undefined) checkNotNegative("RMSNorm", "eps", eps);
    this.normalizedShape = checkNormalized("RMSNorm", normalizedShape);
    this.eps = eps;
    if (elementwiseAffine) this.weight = new Parameter(ones(this.normalizedShape, { dtype, device }));
  }

  /** @throws TensorError `shape`, `dtype` */
  forward(x: Tensor): Tensor {
    checkFloat("RMSNorm", "the input", x);
    checkShape("RMSNorm", "the input", x, this.normalizedShape);
    const { weight, eps } = this;
    return rmsNorm(x, this.normalizedShape, { weight, eps });
  }
}
