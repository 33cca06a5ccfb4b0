// Pooling layers: the largest or the mean of each window of a sequence.

import { checkFlag } from "../../arguments.js";
import type { Tensor } from "../../tensor.js";
import {
  type AvgPool1dOptions,
  adaptiveAvgPool1d,
  adaptiveMaxPool1d,
  avgPool1d,
  avgPoolOptions,
  type MaxPool1dOptions,
  maxPool1d,
  maxPoolOptions,
  resolvePool,
} from "../functional/pooling.js";
import { Module } from "../module.js";
import { checkCount, checkOptions } from "../options.js";

/**
 * The largest of each window: [batch, channels, length] → [batch, channels, windows], or both without the batch. There are
 * `⌊(length + 2·padding − dilation·(kernelSize − 1) − 1)/stride⌋ + 1` windows.
 */
export class MaxPool1d extends Module {
  readonly kernelSize: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly ceilMode: boolean;

  /** @throws TensorError `argument` */
  constructor(kernelSize: number, options: MaxPool1dOptions = {}) {
    super();
    checkOptions("MaxPool1d", options, maxPoolOptions);
    const { windows, padding, ceilMode } = resolvePool("MaxPool1d", kernelSize, options);
    this.kernelSize = kernelSize;
    this.stride = windows.stride;
    this.padding = padding;
    this.dilation = windows.dilation;
    this.ceilMode = ceilMode;
  }

  /** @throws TensorError `shape`, `dtype` */
  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, dilation, ceilMode } = this;
    return maxPool1d(x, kernelSize, { stride, padding, dilation, ceilMode });
  }
}

/**
 * The mean of each window: [batch, channels, length] → [batch, channels, windows], or both without the batch. There are
 * `⌊(length + 2·padding − kernelSize)/stride⌋ + 1` windows.
 */
export class AvgPool1d extends Module {
  readonly kernelSize: number;
  readonly stride: number;
  readonly padding: number;
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;

  /** @throws TensorError `argument` */
  constructor(kernelSize: number, options: AvgPool1dOptions = {}) {
    super();
    checkOptions("AvgPool1d", options, avgPoolOptions);
    const { countIncludePad = true, ...walk } = options;
    checkFlag("AvgPool1d", "countIncludePad", countIncludePad);
    const { windows, padding, ceilMode } = resolvePool("AvgPool1d", kernelSize, walk);
    this.kernelSize = kernelSize;
    this.stride = windows.stride;
    this.padding = padding;
    this.ceilMode = ceilMode;
    this.countIncludePad = countIncludePad;
  }

  /** @throws TensorError `shape`, `dtype` */
  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, ceilMode, countIncludePad } = this;
    return avgPool1d(x, kernelSize, { stride, padding, ceilMode, countIncludePad });
  }
}

/**
 * The largest of each of `outputSize` windows over the whole length, so that sequences of any length give one shape:
 * [batch, channels, length] → [batch, channels, outputSize], or both without the batch. 1 pools over everything.
 */
export class AdaptiveMaxPool1d extends Module {
  readonly outputSize: number;

  /** @throws TensorError `argument` */
  constructor(outputSize: number) {
    super();
    checkCount("AdaptiveMaxPool1d", "outputSize", outputSize);
    this.outputSize = outputSize;
  }

  /** @throws TensorError `shape`, `dtype` */
  forward(x: Tensor): Tensor {
    return adaptiveMaxPool1d(x, this.outputSize);
  }
}

/**
 * The mean of each of `outputSize` windows over the whole length, so that sequences of any length give one shape:
 * [batch, channels, length] → [batch, channels, outputSize], or both without the batch. 1 pools over everything.
 */
export class AdaptiveAvgPool1d extends Module {
  readonly outputSize: number;

  /** @throws TensorError `argument` */
  constructor(outputSize: number) {
    super();
    checkCount("AdaptiveAvgPool1d", "outputSize", outputSize);
    this.outputSize = outputSize;
  }

  /** @throws TensorError `shape`, `dtype` */
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool1d(x, this.outputSize);
  }
}
