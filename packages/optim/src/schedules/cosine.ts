// Cosine schedules: once down and up again, or with warm restarts. Names, options and rates are PyTorch's.

import { count, number, readOptions } from "@torchium/tensor/options";
import { LRScheduler, type Schedulable } from "./scheduler.js";

/** Half a cosine wave from `high` at 0 to `low` at 1. */
export const cosineBetween = (high: number, low: number, position: number): number =>
  low + ((high - low) * (1 + Math.cos(Math.PI * position))) / 2;

/** Options of `CosineAnnealingLR`: the step of the lowest rate, and that rate. */
export type CosineAnnealingLROptions = { readonly tMax: number; readonly etaMin: number };

/** `etaMin + (lr − etaMin)(1 + cos(πt / tMax)) / 2` (Loshchilov & Hutter, arXiv 1608.03983); rises again after `tMax`. */
export class CosineAnnealingLR extends LRScheduler {
  /** @throws TensorError `argument` */
  constructor(
    optimizer: Schedulable,
    options: Pick<CosineAnnealingLROptions, "tMax"> & Partial<CosineAnnealingLROptions>,
  ) {
    const table = {
      tMax: count(),
      etaMin: number({ atLeast: 0 }, 0),
    } as const;
    const { tMax, etaMin } = readOptions("CosineAnnealingLR", table, options);
    super("CosineAnnealingLR", optimizer, (t, lr) => cosineBetween(lr, etaMin, t / tMax));
  }
}

/** Options of `CosineAnnealingWarmRestarts`: the first period, by how much each next one is longer, the lowest rate. */
export type CosineAnnealingWarmRestartsOptions = {
  readonly t0: number;
  readonly tMult: number;
  readonly etaMin: number;
};

/** From `lr` down to `etaMin` along a cosine, again and again (SGDR; Loshchilov & Hutter, arXiv 1608.03983). */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  /** @throws TensorError `argument` */
  constructor(
    optimizer: Schedulable,
    options: Pick<CosineAnnealingWarmRestartsOptions, "t0"> & Partial<CosineAnnealingWarmRestartsOptions>,
  ) {
    const table = {
      t0: count(),
      tMult: count(1),
      etaMin: number({ atLeast: 0 }, 0),
    } as const;
    const name = "CosineAnnealingWarmRestarts";
    const { t0, tMult, etaMin } = readOptions(name, table, options);
    super(name, optimizer, (t, lr) => cosineBetween(lr, etaMin, positionInPeriod(t, t0, tMult)));
  }
}

function positionInPeriod(t: number, first: number, factor: number): number {
  if (factor === 1) return (t % first) / first;
  let [left, period] = [t, first];
  while (left >= period) {
    left -= period;
    period *= factor;
  }
  return left / period;
}
