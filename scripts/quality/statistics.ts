// Whether our seeds' mean is as good as PyTorch's, by the spread of both.
import type { Metric } from "./systems.js";

/** The arithmetic mean. */
export const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;

/** Standard error of a mean; 0 for a single value, which says nothing about its spread. */
export function standardError(xs: readonly number[]): number {
  const m = mean(xs);
  return xs.length < 2 ? 0 : Math.sqrt(xs.reduce((s, x) => s + (x - m) ** 2, 0) / (xs.length - 1) / xs.length);
}

/** How two tables of seeds compare. */
export interface Comparison {
  /** By how much our mean is worse, in the metric's unit; negative when it is better. */
  readonly worseBy: number;
  /** Two standard errors of the difference of the means. */
  readonly allowed: number;
  readonly verdict: "no worse" | "worse" | "better";
}

/** Holds our scores against PyTorch's. Means whose distance is at most two standard errors are the same. */
export function compare({ better, pytorch }: Pick<Metric, "better" | "pytorch">, ours: readonly number[]): Comparison {
  const worseBy = (better === "lower" ? 1 : -1) * (mean(ours) - mean(pytorch));
  const allowed = 2 * Math.hypot(standardError(ours), standardError(pytorch));
  const verdict = worseBy > allowed ? "worse" : worseBy < -allowed ? "better" : "no worse";
  return { worseBy, allowed, verdict };
}
