// BatchNorm1d: channels normalised over the batch while training, by running statistics afterwards.

import { checkFlag } from "../../arguments.js";
import { full, ones, zeros } from "../../creation.js";
import { assignAll, type Tensor } from "../../tensor.js";
import { checkBatch, normalizedBy, normalizedByBatch, type RunningStatistics } from "../functional/batch-norm.js";
import { Module } from "../module.js";
import {
  checkCount,
  checkNotNegative,
  checkOptions,
  checkProbability,
  type ParameterOptions,
  parameterOptions,
} from "../options.js";
import { Parameter } from "../parameter.js";

/** Options of `BatchNorm1d`. */
export type BatchNorm1dOptions = Omit<ParameterOptions, "generator"> & {
  /** Added to the variance; 1e-5 unless given. */
  readonly eps?: number;
  /** How far running statistics move with each batch; null for the average of all batches; 0.1 unless given. */
  readonly momentum?: number | null;
  /** Whether there are a weight and a bias; true unless given. */
  readonly affine?: boolean;
  /** Whether there are running statistics; true unless given. Without them evaluation takes the batch's too. */
  readonly trackRunningStats?: boolean;
};

const [dtypeName, deviceName] = parameterOptions;

/**
 * `γ (x − mean)/√(var + ε) + β` of every channel of [batch, numFeatures] or [batch, numFeatures, length] (arXiv 1502.03167): in
 * training over the batch, in evaluation by the running statistics. The weight starts at 1, the bias at 0.
 *
 * In training `forward` overwrites the running statistics at once, as an optimizer's step overwrites parameters, and does so
 * in replays of a compiled function too. What was computed from the old ones and not read is gone then.
 */
export class BatchNorm1d extends Module {
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
  /** [numFeatures]. */
  weight: Parameter | undefined;
  /** [numFeatures]. */
  bias: Parameter | undefined;
  /** [numFeatures]; starts at 0. */
  runningMean: Tensor | undefined;
  /** [numFeatures]; starts at 1. */
  runningVar: Tensor | undefined;
  /** How many batches the running statistics have followed: [], int32. */
  numBatchesTracked: Tensor | undefined;

  /** @throws TensorError `argument` */
  constructor(numFeatures: number, options: BatchNorm1dOptions = {}) {
    super();
    const op = "BatchNorm1d";
    checkCount(op, "numFeatures", numFeatures);
    checkOptions(op, options, ["eps", "momentum", "affine", "trackRunningStats", dtypeName, deviceName]);
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true, dtype, device } = options;
    checkNotNegative(op, "eps", eps);
    if (momentum !== null) checkProbability(op, "momentum", momentum);
    checkFlag(op, "affine", affine);
    checkFlag(op, "trackRunningStats", trackRunningStats);
    this.numFeatures = numFeatures;
    this.eps = eps;
    this.momentum = momentum;
    this.affine = affine;
    this.trackRunningStats = trackRunningStats;
    if (affine) {
      this.weight = new Parameter(ones(numFeatures, { dtype, device }));
      this.bias = new Parameter(zeros(numFeatures, { dtype, device }));
    }
    if (trackRunningStats) {
      this.runningMean = this.registerBuffer("runningMean", zeros(numFeatures, { dtype, device }));
      this.runningVar = this.registerBuffer("runningVar", ones(numFeatures, { dtype, device }));
      this.numBatchesTracked = this.registerBuffer("numBatchesTracked", zeros([], { dtype: "int32", device }));
    }
  }

  get #running(): Required<RunningStatistics> | undefined {
    const { runningMean: mean, runningVar: variance, numBatchesTracked: count } = this;
    return mean && variance && count && { mean, variance, count };
  }

  /** Forgets all batches: mean 0, variance 1. */
  resetRunningStats(): void {
    const running = this.#running;
    if (!running) return;
    const { mean, variance, count } = running;
    const start = ({ shape, dtype, device }: Tensor, value: number): Tensor => full(shape, value, { dtype, device });
    assignAll(
      [
        [mean, start(mean, 0)],
        [variance, start(variance, 1)],
        [count, start(count, 0)],
      ],
      "BatchNorm1d.resetRunningStats",
    );
  }

  /** @throws TensorError `shape` (also for a single value a channel in training), `dtype` */
  forward(x: Tensor): Tensor {
    checkBatch("BatchNorm1d", x, this.numFeatures);
    const { weight, bias, momentum, eps, training } = this;
    const running = this.#running;
    const by = { weight, bias, momentum, eps };
    if (running && !training) return normalizedBy(running, x, by);
    return normalizedByBatch("BatchNorm1d", x, running, by);
  }
}
