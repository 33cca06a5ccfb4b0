// Schedules that begin with a linear warm-up: the factor rises from 1 / (warmupSteps + 1) to 1, reached at step
// `warmupSteps`, and is never 0 (the form of nanoGPT).

import { count, integer, number, readOptions, refuseOptions } from "@torchium/tensor/options";
import { cosineBetween } from "./cosine.js";
import { LRScheduler, type Schedulable } from "./scheduler.js";

/** Options of `linearWarmup`. */
export type LinearWarmupOptions = {
  readonly warmupSteps: number;
  /** Fall in a straight line to 0 at this step; stay at the full rate unless given. */
  readonly totalSteps: number;
};

/** Options of `warmupCosine`. */
export type WarmupCosineOptions = {
  readonly warmupSteps: number;
  /** The step from which the rate is `minLr`. */
  readonly totalSteps: number;
  /** The lowest rate, in every group. */
  readonly minLr: number;
};

/** Options of `inverseSqrt`. */
export type InverseSqrtOptions = { readonly warmupSteps: number };

const warmupSteps = integer({ atLeast: 0 });

const warmup = (step: number, steps: number): number => (step + 1) / (steps + 1);

/**
 * Linear warm-up to the full rate; with `totalSteps` then a straight line down to 0, as fine-tuning recipes have it.
 * @throws TensorError `argument`
 */
export function linearWarmup(
  optimizer: Schedulable,
  options: Pick<LinearWarmupOptions, "warmupSteps"> & Partial<LinearWarmupOptions>,
): LRScheduler {
  const table = { warmupSteps, totalSteps: number({ above: 0, infinite: true }, Infinity) } as const;
  const { warmupSteps: rising, totalSteps } = readOptions("linearWarmup", table, options);
  checkLength("linearWarmup", rising, totalSteps);
  return new LRScheduler("linearWarmup", optimizer, (t, lr) => {
    if (t < rising) return lr * warmup(t, rising);
    if (totalSteps === Number.POSITIVE_INFINITY) return lr;
    return lr * Math.max(0, (totalSteps - t) / (totalSteps - rising));
  });
}

/**
 * Linear warm-up, then `lr · √((warmupSteps + 1) / (t + 1))` (Vaswani et al. 2017, scaled to peak at `lr`).
 * @throws TensorError `argument`
 */
export function inverseSqrt(optimizer: Schedulable, options: InverseSqrtOptions): LRScheduler {
  const { warmupSteps: rising } = readOptions("inverseSqrt", { warmupSteps }, options);
  return new LRScheduler("inverseSqrt", optimizer, (t, lr) => {
    return lr * Math.min(warmup(t, rising), Math.sqrt((rising + 1) / (t + 1)));
  });
}

/**
 * Linear warm-up, then half a cosine wave down to `minLr` at `totalSteps`, where it stays: the recipe of GPT models.
 * @throws TensorError `argument`
 */
export function warmupCosine(
  optimizer: Schedulable,
  options: Pick<WarmupCosineOptions, "warmupSteps" | "totalSteps"> & Partial<WarmupCosineOptions>,
): LRScheduler {
  const table = {
    warmupSteps,
    totalSteps: count(),
    minLr: number({ atLeast: 0 }, 0),
  } as const;
  const resolved = readOptions("warmupCosine", table, options);
  const { warmupSteps: rising, totalSteps, minLr } = resolved;
  checkLength("warmupCosine", rising, totalSteps);
  return new LRScheduler("warmupCosine", optimizer, (t, lr) => {
    if (t < rising) return lr * warmup(t, rising);
    return cosineBetween(lr, minLr, Math.min(1, (t - rising) / (totalSteps - rising)));
  });
}

function checkLength(op: string, rising: number, totalSteps: number): void {
  if (rising < totalSteps) return;
  refuseOptions(op, `warmupSteps must be below totalSteps, got ${rising} and ${totalSteps}`);
}
