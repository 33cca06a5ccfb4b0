// Batch normalization: channels normalised over a batch, or by running statistics of batches before.

import { checkFlag, checkOptions } from "../../arguments.js";
import { cast } from "../../autograd/cast.js";
import { noGrad } from "../../control.js";
import { arithmeticTypeOf, type DType } from "../../dtype.js";
import { argumentError, shapeError } from "../../errors.js";
import { normalizeRow } from "../../ops/index.js";
import { assignAll, type Tensor } from "../../tensor.js";
import { any, checkFloat, checkShape } from "../checks.js";
import { checkNotNegative, checkProbability } from "../options.js";

/** Options of `batchNorm`. */
export type BatchNormOptions = {
  /** [channels]. */
  readonly weight?: Tensor;
  /** [channels]. */
  readonly bias?: Tensor;
  /** Whether to normalise by the batch, and to move the running statistics towards it; false unless given. */
  readonly training?: boolean;
  /** How far the running statistics move, from 0 to 1; 0.1 unless given. */
  readonly momentum?: number;
  /** Added to the variance; 1e-5 unless given. */
  readonly eps?: number;
};

/** Mean and variance of batches before, [channels]; `count` is how many there were, where they are averaged. */
export type RunningStatistics = { readonly mean: Tensor; readonly variance: Tensor; readonly count?: Tensor };

/** What batches are normalised with; without a momentum the statistics are the average of all batches. */
type Normalization = {
  readonly weight: Tensor | undefined;
  readonly bias: Tensor | undefined;
  readonly momentum: number | null;
  readonly eps: number;
};

/**
 * `γ (x − mean)/√(var + ε) + β` of every channel of x [batch, channels, …] (arXiv 1502.03167). In training mean and variance are
 * the batch's, and the running ones are overwritten by `(1 − momentum)·running + momentum·batch's`, its variance divided by
 * one element less; otherwise they are the running ones. The result has the input's dtype.
 *
 * Running statistics are overwritten at once, as an optimizer's step overwrites parameters: the batch so far is computed.
 * @throws TensorError `shape` (also for a single value a channel in training), `dtype`, `argument`
 */
export function batchNorm(
  x: Tensor,
  runningMean: Tensor | undefined,
  runningVar: Tensor | undefined,
  options: BatchNormOptions = {},
): Tensor {
  const op = "batchNorm";
  checkOptions(op, options, ["weight", "bias", "training", "momentum", "eps"]);
  const { weight, bias, training = false, momentum = 0.1, eps = 1e-5 } = options;
  checkFlag(op, "training", training);
  checkProbability(op, "momentum", momentum);
  checkNotNegative(op, "eps", eps);
  checkFloat(op, "the input", x);
  if (x.ndim < 2) throw shapeError(op, "the input needs a batch and channels", [x.shape]);
  const given = {
    "the running mean": runningMean,
    "the running variance": runningVar,
    "the weight": weight,
    "the bias": bias,
  };
  for (const [name, t] of Object.entries(given)) {
    if (t === undefined) continue;
    checkFloat(op, name, t);
    checkShape(op, name, t, [x.shape[1]!], true);
  }
  if ((runningMean === undefined) !== (runningVar === undefined) || !(training || runningMean)) {
    const expected = training ? "given both or neither" : "given outside of training";
    throw argumentError(op, "running mean and variance", expected, [runningMean, runningVar].map(String).join(" and "));
  }
  const running = runningMean && runningVar && { mean: runningMean, variance: runningVar };
  const by = { weight, bias, momentum, eps };
  return training ? normalizedByBatch(op, x, running, by) : normalizedBy(running!, x, by);
}

/** A vector of channels as it meets [channels, …, values]. */
const across = (t: Tensor, x: Tensor): Tensor => t.reshape(-1, ...x.shape.slice(1).map(() => 1));

const scaled = (x: Tensor, { weight, bias }: Normalization): Tensor => {
  const y = weight ? x.mul(across(weight, x)) : x;
  return bias ? y.add(across(bias, x)) : y;
};

/** Channels first, and back. */
const swapped = (x: Tensor): Tensor => x.transpose(0, 1);

const wide = (x: Tensor): Tensor => cast(x, arithmeticTypeOf(x.dtype) as DType);

/** The channels of x normalised by statistics that are given. */
export function normalizedBy({ mean, variance }: RunningStatistics, x: Tensor, by: Normalization): Tensor {
  const channels = wide(swapped(x));
  const scale = wide(variance).add(by.eps).rsqrt();
  const y = channels.sub(across(wide(mean), channels)).mul(across(scale, channels));
  return swapped(scaled(y, by).to(x.dtype));
}

/** The channels of x normalised by their own mean and variance; `running` statistics follow them. */
export function normalizedByBatch(
  op: string,
  x: Tensor,
  running: RunningStatistics | undefined,
  by: Normalization,
): Tensor {
  const first = swapped(x);
  const count = first.numel / (first.shape[0] || 1);
  if (count < 2) throw shapeError(op, "needs more than one value a channel in training", [x.shape]);
  // Rows of their own: the layer alone decides how long they stay in memory.
  const held = first.clone();
  const rows = held.reshape(-1, count);
  if (running) follow(op, held, rows, running, by.momentum);
  const y = normalizeRow([wide(rows)], [by.eps]);
  return swapped(scaled(y.reshape(first.shape), by).to(x.dtype));
}

/** By the running mean: the latest batch that it followed. */
const heldBatches = new WeakMap<Tensor, Tensor>();

/**
 * Moves running statistics towards those of a batch. That computes the batch, which is held for what else is computed from
 * it: the normalised values and their gradients. The batch before is let go; what still needs it computes it again.
 */
function follow(op: string, held: Tensor, rows: Tensor, running: RunningStatistics, momentum: number | null): void {
  noGrad(() => {
    const { device } = held;
    const [mean, variance] = [wide(rows).mean(-1), wide(rows).var(-1)];
    device.realize([mean.value, variance.value], [held.value]);
    // Once more, so that the update below does not take it for what only a backward pass wants.
    device.realize([held.value]);
    const count = running.count?.add(1);
    const moved = (from: Tensor, to: Tensor): readonly [Tensor, Tensor] => {
      const by = momentum ?? count!.to("float32").reciprocal();
      return [from, wide(from).lerp(to, by).to(from.dtype)];
    };
    const pairs = [moved(running.mean, mean), moved(running.variance, variance)];
    assignAll(count ? [...pairs, [running.count!, count]] : pairs, op);
    const before = heldBatches.get(running.mean);
    if (before && before.value.node.op.kind !== "leaf") before.device.release(before.value.node);
    heldBatches.set(running.mean, held.detach());
  });
}

/** @throws TensorError `shape`, `dtype` unless x is [batch, channels] or [batch, channels, length] */
export function checkBatch(op: string, x: Tensor, channels: number): void {
  checkFloat(op, "the input", x);
  checkShape(op, "the input", x, [any, channels, ...(x.ndim === 2 ? [] : [any])], true);
}
