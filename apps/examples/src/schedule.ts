// Learning rates as a function of the step: what step 500 does must not depend on where the process was started.

/** A rate that rises linearly, then follows a cosine. */
export interface WarmupCosine {
  /** The highest rate, reached after the warm-up. */
  readonly lr: number;
  /** The rate at the end. */
  readonly minLr: number;
  /** Steps of the rise. */
  readonly warmup: number;
  /** Steps of the whole recipe. */
  readonly steps: number;
}

/** nanoGPT's schedule: linear warm-up, a cosine from `lr` to `minLr`, then `minLr`. */
export function warmupCosineAt(step: number, { lr, minLr, warmup, steps }: WarmupCosine): number {
  if (step < warmup) return (lr * (step + 1)) / (warmup + 1);
  const part = Math.min(1, (step - warmup) / Math.max(1, steps - warmup));
  return minLr + 0.5 * (1 + Math.cos(Math.PI * part)) * (lr - minLr);
}

/** Gives every group of an optimizer the rate. */
export function setRate(optimizer: { readonly paramGroups: readonly { lr: number }[] }, lr: number): void {
  for (const group of optimizer.paramGroups) group.lr = lr;
}
