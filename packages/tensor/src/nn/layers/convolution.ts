// Conv1d: a kernel that walks along an axis.

import { argumentError } from "../../errors.js";
import type { Tensor } from "../../tensor.js";
import { any, checkFloat, checkShape } from "../checks.js";
import { type ConvolutionOptions, conv1d, convolutionOptions, resolveConvolution } from "../functional/convolution.js";
import { uniformValues } from "../init/values.js";
import { Module } from "../module.js";
import { checkCount, checkOptions, type ParameterOptions, parameterOptions } from "../options.js";
import { Parameter } from "../parameter.js";

/** Options of `Conv1d`. */
export type Conv1dLayerOptions = ParameterOptions &
  ConvolutionOptions & {
    /** Whether to add a bias; true unless given. */
    readonly bias?: boolean;
  };

/**
 * `y[o, l] = b[o] + Σ_{i,k} W[o, i, k] x[i, l·stride + k·dilation]`: [batch, inChannels, length] → [batch, outChannels,
 * windows], or both without the batch. There are `⌊(length + 2·padding − dilation·(kernelSize − 1) − 1)/stride⌋ + 1` windows.
 * Weight and bias start uniform within ±1/√(inChannels / groups · kernelSize), which is kaiming's with a = √5.
 */
export class Conv1d extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: number;
  readonly stride: number;
  readonly padding: number | "same" | "valid";
  readonly dilation: number;
  readonly groups: number;
  /** [outChannels, inChannels / groups, kernelSize]. */
  weight: Parameter;
  /** [outChannels]. */
  bias: Parameter | undefined;

  /** @throws TensorError `argument` */
  constructor(inChannels: number, outChannels: number, kernelSize: number, options: Conv1dLayerOptions = {}) {
    super();
    checkCount("Conv1d", "inChannels", inChannels);
    checkCount("Conv1d", "outChannels", outChannels);
    checkCount("Conv1d", "kernelSize", kernelSize);
    checkOptions("Conv1d", options, ["bias", ...convolutionOptions, ...parameterOptions]);
    const { stride, padding, dilation, groups } = resolveConvolution("Conv1d", options);
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw argumentError("Conv1d", "groups", `a divisor of ${inChannels} and ${outChannels} channels`, groups);
    }
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = kernelSize;
    this.stride = stride;
    this.padding = padding;
    this.dilation = dilation;
    this.groups = groups;
    const inputs = inChannels / groups;
    const bound = 1 / Math.sqrt(inputs * kernelSize);
    this.weight = new Parameter(uniformValues([outChannels, inputs, kernelSize], -bound, bound, options));
    if (options.bias ?? true) this.bias = new Parameter(uniformValues([outChannels], -bound, bound, options));
  }

  /** @throws TensorError `shape`, `dtype` */
  forward(x: Tensor): Tensor {
    checkFloat("Conv1d", "the input", x);
    checkShape("Conv1d", "the input", x, [...(x.ndim === 2 ? [] : [any]), this.inChannels, any], true);
    const { weight, bias, stride, padding, dilation, groups } = this;
    return conv1d(x, weight, { bias, stride, padding, dilation, groups });
  }
}
