// Schedules that multiply the starting rate by a factor of the step. Names, options and rates are PyTorch's.

import { count, integer, number, numbers, readOptions } from "@torchium/tensor/options";
import { LRScheduler, type Schedulable } from "./scheduler.js";

/** Options of `StepLR`: how many steps a level lasts, and the factor from one to the next. */
export type StepLROptions = { readonly stepSize: number; readonly gamma: number };

/** `lr · gamma^⌊t / stepSize⌋`. */
export class StepLR extends LRScheduler {
  /** @throws TensorError `argument` */
  constructor(optimizer: Schedulable, options: Pick<StepLROptions, "stepSize"> & Partial<StepLROptions>) {
    const table = {
      stepSize: count(),
      gamma: number({ atLeast: 0 }, 0.1),
    } as const;
    const { stepSize, gamma } = readOptions("StepLR", table, options);
    super("StepLR", optimizer, (t, lr) => lr * gamma ** Math.floor(t / stepSize));
  }
}

/** Options of `MultiStepLR`: the steps at which the rate falls (a step named twice counts twice), and the factor. */
export type MultiStepLROptions = { readonly milestones: readonly number[]; readonly gamma: number };

/** `lr · gamma^n`, where n milestones have been reached. */
export class MultiStepLR extends LRScheduler {
  /** @throws TensorError `argument` */
  constructor(optimizer: Schedulable, options: Pick<MultiStepLROptions, "milestones"> & Partial<MultiStepLROptions>) {
    const table = {
      milestones: numbers({ integer: true, atLeast: 0 }),
      gamma: number({ atLeast: 0 }, 0.1),
    } as const;
    const { milestones, gamma } = readOptions("MultiStepLR", table, options);
    const passed = [...milestones];
    super("MultiStepLR", optimizer, (t, lr) => lr * gamma ** passed.filter((step) => step <= t).length);
  }
}

/** Options of `ExponentialLR`: the factor from each step to the next. */
export type ExponentialLROptions = { readonly gamma: number };

/** `lr · gamma^t`. */
export class ExponentialLR extends LRScheduler {
  /** @throws TensorError `argument` */
  constructor(optimizer: Schedulable, options: ExponentialLROptions) {
    const table = { gamma: number({ atLeast: 0 }) } as const;
    const { gamma } = readOptions("ExponentialLR", table, options);
    super("ExponentialLR", optimizer, (t, lr) => lr * gamma ** t);
  }
}

/** Options of `ConstantLR`: the factor, and for how many steps it holds. */
export type ConstantLROptions = { readonly factor: number; readonly totalIters: number };

/** `lr · factor` for the first `totalIters` steps, then `lr`. */
export class ConstantLR extends LRScheduler {
  /** @throws TensorError `argument` */
  constructor(optimizer: Schedulable, options: Partial<ConstantLROptions> = {}) {
    const table = {
      factor: number({ atLeast: 0, atMost: 1 }, 1 / 3),
      totalIters: integer({ atLeast: 0 }, 5),
    } as const;
    const { factor, totalIters } = readOptions("ConstantLR", table, options);
    super("ConstantLR", optimizer, (t, lr) => (t < totalIters ? lr * factor : lr));
  }
}

/** Options of `LinearLR`: the factors at the first and the last of `totalIters` steps. */
export type LinearLROptions = {
  readonly startFactor: number;
  readonly endFactor: number;
  readonly totalIters: number;
};

/** `lr` times a factor that goes in a straight line from `startFactor` to `endFactor`, where it stays. */
export class LinearLR extends LRScheduler {
  /** @throws TensorError `argument` */
  constructor(optimizer: Schedulable, options: Partial<LinearLROptions> = {}) {
    const table = {
      startFactor: number({ above: 0, atMost: 1 }, 1 / 3),
      endFactor: number({ atLeast: 0, atMost: 1 }, 1),
      totalIters: count(5),
    } as const;
    const { startFactor, endFactor, totalIters } = readOptions("LinearLR", table, options);
    super("LinearLR", optimizer, (t, lr) => {
      return lr * (startFactor + ((endFactor - startFactor) * Math.min(t, totalIters)) / totalIters);
    });
  }
}

/** Options of `PolynomialLR`: after how many steps the rate is 0, and the power of the curve. */
export type PolynomialLROptions = { readonly totalIters: number; readonly power: number };

/** `lr · (1 − t / totalIters)^power`, then 0. */
export class PolynomialLR extends LRScheduler {
  /** @throws TensorError `argument` */
  constructor(optimizer: Schedulable, options: Partial<PolynomialLROptions> = {}) {
    const table = {
      totalIters: count(5),
      power: number({ above: 0 }, 1),
    } as const;
    const { totalIters, power } = readOptions("PolynomialLR", table, options);
    super("PolynomialLR", optimizer, (t, lr) => lr * (1 - Math.min(t, totalIters) / totalIters) ** power);
  }
}
