// From samples to one figure and its spread.

/** Which of the samples stands for all: the middle one, or the fastest, which other work on the machine spoils less. */
export type Statistic = "median" | "best";

/** One peer's times for one row, nanoseconds a run, and how far the rounds' medians lie apart. */
export interface Measurement {
  readonly peer: string;
  /** What is compared: the median of the rounds' medians, or the fastest sample. */
  readonly time: number;
  /** Half the distance of the quartiles of the rounds, over the median. */
  readonly spread: number;
  readonly check?: number;
  /** The median of the rounds by the device's own clock, where it has one; `time` is the host's until the device is done. */
  readonly deviceTime?: number;
  /** Memory at its peak, above the idle process. */
  readonly peakBytes?: number;
}

/** The value below which a share of the sorted values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low + (high - low) * (at - Math.floor(at));
}

/** A measurement from the samples of every round. */
export function measurementOf(
  peer: string,
  rounds: readonly (readonly number[])[],
  statistic: Statistic,
  more: Pick<Measurement, "check" | "deviceTime" | "peakBytes"> = {},
): Measurement {
  const medians = rounds.map((samples) => quantile(samples, 0.5));
  const median = quantile(medians, 0.5);
  const spread = (quantile(medians, 0.75) - quantile(medians, 0.25)) / 2 / median;
  const time = statistic === "median" ? median : Math.min(...rounds.flat());
  return { peer, time, spread, ...more };
}

/** The slope of the line through the logarithms: y grows about as x to this power. */
export function exponentOf(points: readonly { readonly x: number; readonly y: number }[]): number {
  const xs = points.map(({ x }) => Math.log(x));
  const ys = points.map(({ y }) => Math.log(y));
  const [x0, y0] = [xs, ys].map((all) => all.reduce((a, b) => a + b, 0) / all.length) as [number, number];
  const over = xs.reduce((sum, x, i) => sum + (x - x0) * (ys[i]! - y0), 0);
  return over / xs.reduce((sum, x) => sum + (x - x0) ** 2, 0);
}
