// How a step's time and memory grow with one size, or with the number of threads.
import type { Line } from "./rates.js";
import { exponentOf, type Measurement } from "./statistics.js";

/** How a peer's step grows: time and memory are about `size ** exponent`. */
export interface Growth {
  readonly peer: string;
  /** Of what: "GPT, 2 threads" for a size of its model, the step's name for threads. */
  readonly what: string;
  /** The size that grows. */
  readonly of: string;
  readonly time: number;
  readonly memory?: number;
}

interface Series extends Pick<Growth, "peer" | "what" | "of"> {
  readonly points: { readonly size: number; readonly at: Measurement }[];
}

const withThreads = (count: number): string => (count === 1 ? "one thread" : `${count} threads`);

/** Exponents, by least squares through the logarithms, of rows that differ in one size and of steps by their threads. */
export function growthOf(lines: readonly Line[]): readonly Growth[] {
  const all = new Map<string, Series>();
  const add = (size: number, at: Measurement, what: string, of: string): void => {
    const key = `${at.peer}\n${what}\n${of}`;
    const series = all.get(key) ?? { peer: at.peer, what, of, points: [] };
    series.points.push({ size, at });
    all.set(key, series);
  };
  for (const { row, threads, measurements } of lines) {
    for (const at of measurements) {
      if (row.series) add(row.series.size, at, `GPT, ${withThreads(threads)}`, row.series.of);
      else if (row.tokens !== undefined && threads > 0) add(threads, at, row.name, "threads");
    }
  }
  return [...all.values()].flatMap(({ points, ...growth }) => {
    if (points.length < 2) return [];
    const slope = (of: (at: Measurement) => number): number =>
      exponentOf(points.map(({ size, at }) => ({ x: size, y: of(at) })));
    const known = points.every(({ at }) => at.peakBytes !== undefined && at.peakBytes > 0);
    return [{ ...growth, time: slope((at) => at.time), ...(known && { memory: slope((at) => at.peakBytes!) }) }];
  });
}

/** `ours, time of GPT, 2 threads: grows as batch^0.98, memory as batch^0.70`. */
export const growthText = ({ peer, what, of, time, memory }: Growth): string =>
  `${peer}, time of ${what}: grows as ${of}^${time.toFixed(2)}${memory === undefined ? "" : `, memory as ${of}^${memory.toFixed(2)}`}`;
