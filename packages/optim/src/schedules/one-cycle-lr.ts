// The one-cycle policy: the rate rises and falls once, momentum the other way round. Options and rates are PyTorch's.

import { TensorError } from "@torchium/tensor";
import { count, flag, number, oneOf, readOptions } from "@torchium/tensor/options";
import { cosineBetween } from "./cosine.js";
import { LRScheduler, type Schedulable } from "./scheduler.js";

/** Options of `OneCycleLR`. */
export type OneCycleLROptions = {
  /** The highest rate. */
  readonly maxLr: number;
  /** Length of the cycle. */
  readonly totalSteps: number;
  /** Share of the cycle in which the rate rises. */
  readonly pctStart: number;
  readonly annealStrategy: "cos" | "linear";
  /** Move momentum, or β₁, between `maxMomentum` and `baseMomentum`. */
  readonly cycleMomentum: boolean;
  readonly baseMomentum: number;
  readonly maxMomentum: number;
  /** The first rate is `maxLr / divFactor`. */
  readonly divFactor: number;
  /** The last rate is the first one over `finalDivFactor`. */
  readonly finalDivFactor: number;
  /** Fall to the first rate as fast as it rose, then to the last one. */
  readonly threePhase: boolean;
};

type Phase = {
  readonly end: number;
  readonly lr: readonly [number, number];
  readonly momentum: readonly [number, number];
};

/** The one-cycle policy (Smith & Topin, arXiv 1708.07120). The rates that groups started with play no part. */
export class OneCycleLR extends LRScheduler {
  /** @throws TensorError `argument`, also for an optimizer without momentum unless `cycleMomentum` is false */
  constructor(
    optimizer: Schedulable,
    options: Pick<OneCycleLROptions, "maxLr" | "totalSteps"> & Partial<OneCycleLROptions>,
  ) {
    const table = {
      maxLr: number({ above: 0 }),
      totalSteps: count(),
      pctStart: number({ atLeast: 0, atMost: 1 }, 0.3),
      annealStrategy: oneOf(["cos", "linear"], "cos"),
      cycleMomentum: flag(true),
      baseMomentum: number({ atLeast: 0, below: 1 }, 0.85),
      maxMomentum: number({ atLeast: 0, below: 1 }, 0.95),
      divFactor: number({ above: 0 }, 25),
      finalDivFactor: number({ above: 0 }, 1e4),
      threePhase: flag(false),
    } as const;
    const resolved = readOptions("OneCycleLR", table, options);
    const phases = phasesOf(resolved);
    const between = resolved.annealStrategy === "cos" ? cosineBetween : lineBetween;
    const at = (step: number, what: "lr" | "momentum"): number => {
      if (step > resolved.totalSteps) {
        const message = `OneCycleLR: the cycle is over, got step ${step}, expected at most ${resolved.totalSteps}`;
        throw new TensorError("state", message, { op: "OneCycleLR" });
      }
      const index = phases.findIndex(({ end }) => step <= end);
      const phase = phases.at(index)!;
      const start = phases[(index < 0 ? phases.length - 1 : index) - 1]?.end ?? 0;
      const position = phase.end > start ? (step - start) / (phase.end - start) : 1;
      return between(...phase[what], position);
    };
    const momentum = resolved.cycleMomentum ? (step: number): number => at(step, "momentum") : undefined;
    super("OneCycleLR", optimizer, (step) => at(step, "lr"), momentum);
  }
}

const lineBetween = (start: number, end: number, position: number): number => (end - start) * position + start;

function phasesOf(options: OneCycleLROptions): readonly Phase[] {
  const { maxLr, totalSteps, pctStart, divFactor, finalDivFactor, threePhase, baseMomentum, maxMomentum } = options;
  const first = maxLr / divFactor;
  const last = first / finalDivFactor;
  const rise: Phase = { end: pctStart * totalSteps - 1, lr: [first, maxLr], momentum: [maxMomentum, baseMomentum] };
  if (!threePhase) return [rise, { end: totalSteps - 1, lr: [maxLr, last], momentum: [baseMomentum, maxMomentum] }];
  return [
    rise,
    { end: 2 * pctStart * totalSteps - 2, lr: [maxLr, first], momentum: [baseMomentum, maxMomentum] },
    { end: totalSteps - 1, lr: [first, last], momentum: [maxMomentum, maxMomentum] },
  ];
}
