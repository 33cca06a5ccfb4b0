// Lowers the rate when a score stops improving. Options and rates are PyTorch's.

import { argumentError, TensorError } from "@torchium/tensor";
import { integer, number, oneOf, readOptions } from "@torchium/tensor/options";
import { checkOptimizer, type Schedulable } from "./scheduler.js";

/** Options of `ReduceLROnPlateau`. */
export type ReduceLROnPlateauOptions = {
  /** Whether a low score is good (a loss) or a high one (an accuracy). */
  readonly mode: "min" | "max";
  /** What the rates are multiplied by. */
  readonly factor: number;
  /** Steps without improvement that are let pass. */
  readonly patience: number;
  /** What counts as an improvement. */
  readonly threshold: number;
  /** Whether `threshold` is a share of the best score or a difference to it. */
  readonly thresholdMode: "rel" | "abs";
  /** Steps after a reduction in which nothing is counted. */
  readonly cooldown: number;
  /** The lowest rate. */
  readonly minLr: number;
  /** Smaller reductions are left out. */
  readonly eps: number;
};

/** What a `ReduceLROnPlateau` stores in a checkpoint. */
export type ReduceLROnPlateauState = {
  readonly lastEpoch: number;
  readonly best: number;
  readonly badEpochs: number;
  readonly cooldownLeft: number;
  readonly lrs: readonly number[];
};

const name = "ReduceLROnPlateau";

const table = {
  mode: oneOf(["min", "max"], "min"),
  factor: number({ atLeast: 0, below: 1 }, 0.1),
  patience: integer({ atLeast: 0 }, 10),
  threshold: number({ atLeast: 0 }, 1e-4),
  thresholdMode: oneOf(["rel", "abs"], "rel"),
  cooldown: integer({ atLeast: 0 }, 0),
  minLr: number({ atLeast: 0 }, 0),
  eps: number({ atLeast: 0 }, 1e-8),
} as const;

/** Multiplies the rates by `factor` when more than `patience` steps in a row brought no improvement. */
export class ReduceLROnPlateau {
  readonly optimizer: Schedulable;
  readonly #options: ReduceLROnPlateauOptions;
  #lastEpoch = 0;
  #best: number;
  #badEpochs = 0;
  #cooldownLeft = 0;

  /** @throws TensorError `argument` */
  constructor(optimizer: Schedulable, options: Partial<ReduceLROnPlateauOptions> = {}) {
    checkOptimizer(name, optimizer);
    this.#options = readOptions(name, table, options);
    this.optimizer = optimizer;
    this.#best = this.#options.mode === "min" ? Infinity : -Infinity;
  }

  /** The learning rates in force. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map(({ lr }) => lr);
  }

  /** Takes the score of a step; NaN is no improvement. @throws TensorError `argument` for anything but a number */
  step(metric: number): void {
    if (typeof metric !== "number") {
      throw argumentError(`${name}.step`, "metric", "a number, such as `await loss.item()`", metric);
    }
    this.#lastEpoch++;
    if (this.#improves(metric)) {
      this.#best = metric;
      this.#badEpochs = 0;
    } else this.#badEpochs++;
    if (this.#cooldownLeft > 0) {
      this.#cooldownLeft--;
      this.#badEpochs = 0;
    }
    if (this.#badEpochs <= this.#options.patience) return;
    this.#reduce();
    this.#cooldownLeft = this.#options.cooldown;
    this.#badEpochs = 0;
  }

  /** What to store in a checkpoint. */
  stateDict(): ReduceLROnPlateauState {
    return {
      lastEpoch: this.#lastEpoch,
      best: this.#best,
      badEpochs: this.#badEpochs,
      cooldownLeft: this.#cooldownLeft,
      lrs: this.getLastLr(),
    };
  }

  /** Continues where `state` was taken, and sets the rates. @throws TensorError `format` unless it fits */
  loadStateDict(state: ReduceLROnPlateauState): void {
    const { lastEpoch, best, badEpochs, cooldownLeft, lrs } = state ?? {};
    const { paramGroups } = this.optimizer;
    const isCounts = [lastEpoch, badEpochs, cooldownLeft].every((x) => Number.isSafeInteger(x) && x >= 0);
    const isRates = Array.isArray(lrs) && lrs.length === paramGroups.length && lrs.every(Number.isFinite);
    if (!isCounts || !isRates || typeof best !== "number") {
      throw new TensorError("format", `${name}.loadStateDict: the state does not fit, got ${JSON.stringify(state)}`);
    }
    this.#lastEpoch = lastEpoch;
    this.#best = best;
    this.#badEpochs = badEpochs;
    this.#cooldownLeft = cooldownLeft;
    paramGroups.forEach((group, i) => {
      group.lr = lrs[i]!;
    });
  }

  #improves(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.#options;
    const sign = mode === "min" ? -1 : 1;
    const limit = thresholdMode === "rel" ? this.#best * (1 + sign * threshold) : this.#best + sign * threshold;
    return mode === "min" ? metric < limit : metric > limit;
  }

  #reduce(): void {
    const { factor, minLr, eps } = this.#options;
    for (const group of this.optimizer.paramGroups) {
      const reduced = Math.max(group.lr * factor, minLr);
      if (group.lr - reduced > eps) group.lr = reduced;
    }
  }
}
