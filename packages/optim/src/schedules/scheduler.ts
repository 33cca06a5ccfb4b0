// The base of the schedules: a learning rate is a pure function of the step and of the rate a group started with.
// So a state is a number, and resuming cannot drift.

import { argumentError, TensorError } from "@torchium/tensor";

/** What a schedule sets the learning rates of: any optimizer. */
export type Schedulable = {
  readonly paramGroups: readonly { lr: number; momentum?: unknown; betas?: unknown }[];
};

/** What a schedule stores in a checkpoint. */
export type SchedulerState = {
  /** Steps done. */
  readonly lastEpoch: number;
  /** The rates that groups started with. */
  readonly baseLrs: readonly number[];
};

/** The learning rate of a group after `step` steps; `baseLr` is what it was when the schedule was made. */
export type RateFunction = (step: number, baseLr: number, group: number) => number;

/** Momentum, or β₁, after `step` steps. */
export type MomentumFunction = (step: number) => number;

/** Sets the learning rate of every group, at once for step 0 and then by `step()` after each step of the optimizer. */
export class LRScheduler {
  readonly optimizer: Schedulable;
  readonly #name: string;
  readonly #rate: RateFunction;
  readonly #momentum: MomentumFunction | undefined;
  #baseLrs: readonly number[];
  #lastEpoch = 0;

  /** @throws TensorError `argument` unless `optimizer` has parameter groups, and momentum if that is to be set */
  constructor(name: string, optimizer: Schedulable, rate: RateFunction, momentum?: MomentumFunction) {
    checkOptimizer(name, optimizer);
    if (momentum) checkMomentum(name, optimizer);
    this.#name = name;
    this.optimizer = optimizer;
    this.#rate = rate;
    this.#momentum = momentum;
    this.#baseLrs = optimizer.paramGroups.map(({ lr }) => lr);
    this.#apply();
  }

  /** Steps done. */
  get lastEpoch(): number {
    return this.#lastEpoch;
  }

  /** The rates that groups started with. */
  get baseLrs(): readonly number[] {
    return this.#baseLrs;
  }

  /** The learning rates in force. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map(({ lr }) => lr);
  }

  /** Goes on to the next step. */
  step(): void {
    this.#lastEpoch++;
    this.#apply();
  }

  /** What to store in a checkpoint. */
  stateDict(): SchedulerState {
    return { lastEpoch: this.#lastEpoch, baseLrs: this.#baseLrs };
  }

  /** Continues where `state` was taken, and sets the rates. @throws TensorError `format` unless it fits */
  loadStateDict(state: SchedulerState): void {
    const { lastEpoch, baseLrs } = state ?? {};
    const groups = this.optimizer.paramGroups.length;
    const isRates = Array.isArray(baseLrs) && baseLrs.length === groups && baseLrs.every(Number.isFinite);
    if (!Number.isSafeInteger(lastEpoch) || lastEpoch < 0 || !isRates) {
      const message = `${this.#name}.loadStateDict: needs lastEpoch and ${groups} baseLrs, got ${JSON.stringify(state)}`;
      throw new TensorError("format", message, { op: this.#name });
    }
    this.#lastEpoch = lastEpoch;
    this.#baseLrs = baseLrs;
    this.#apply();
  }

  #apply(): void {
    const { paramGroups } = this.optimizer;
    // Groups that were added later start with the rate they came with.
    this.#baseLrs = paramGroups.map(({ lr }, i) => this.#baseLrs[i] ?? lr);
    const rates = this.#baseLrs.map((baseLr, i) => this.#rate(this.#lastEpoch, baseLr, i));
    const bad = rates.find((lr) => !(lr >= 0 && lr < Number.POSITIVE_INFINITY));
    if (bad !== undefined) {
      throw argumentError(this.#name, `the rate of step ${this.#lastEpoch}`, "a finite number of at least 0", bad);
    }
    const momentum = this.#momentum?.(this.#lastEpoch);
    paramGroups.forEach((group, i) => {
      group.lr = rates[i]!;
      if (momentum !== undefined) setMomentum(group, momentum);
    });
  }
}

function setMomentum(group: Schedulable["paramGroups"][number], momentum: number): void {
  if ("momentum" in group) group.momentum = momentum;
  else group.betas = [momentum, (group.betas as readonly [number, number])[1]];
}

function checkMomentum(name: string, optimizer: Schedulable): void {
  if (optimizer.paramGroups.every((group) => "momentum" in group || "betas" in group)) return;
  const message = `${name}: the optimizer has neither momentum nor betas; set cycleMomentum to false`;
  throw new TensorError("argument", message, { op: name });
}

/** @throws TensorError `argument` unless `optimizer` has parameter groups */
export function checkOptimizer(name: string, optimizer: Schedulable): void {
  if (!Array.isArray(optimizer?.paramGroups)) throw argumentError(name, "optimizer", "an optimizer", optimizer);
}
