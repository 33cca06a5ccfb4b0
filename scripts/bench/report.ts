// From times to the table: medians, spreads, ratios, floors, and the comparison with an earlier file.
import type { Row } from "./rows.js";

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
  /** Memory at its peak, above the idle process. */
  readonly peakBytes?: number;
}

/** One line of the result. */
export interface Line {
  readonly row: Row;
  readonly threads: number;
  readonly measurements: readonly Measurement[];
  readonly missing: Readonly<Record<string, string>>;
}

/** Best rates that any peer reached in this run: what the floors are computed from. */
export interface Rates {
  /** Floating-point operations a nanosecond. */
  readonly flops: number;
  /** Bytes a nanosecond. */
  readonly bytes: number;
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
  more: Pick<Measurement, "check" | "peakBytes"> = {},
): Measurement {
  const medians = rounds.map((samples) => quantile(samples, 0.5));
  const median = quantile(medians, 0.5);
  const spread = (quantile(medians, 0.75) - quantile(medians, 0.25)) / 2 / median;
  const time = statistic === "median" ? median : Math.min(...rounds.flat());
  return { peer, time, spread, ...more };
}

/** The machine's rates with that many threads, as far as the lines show them. */
export function ratesOf(lines: readonly Line[], threads: number): Rates {
  const best = (of: (row: Row) => number | undefined): number =>
    lines
      .filter((line) => line.threads === threads)
      .flatMap(({ row, measurements }) => measurements.map((m) => (of(row) ?? 0) / m.time))
      .reduce((a, b) => Math.max(a, b), 0);
  return {
    flops: best(({ op, flops }) => (op === "matmul" ? flops : undefined)),
    bytes: best(({ op, bytes }) => (op === "add" || op === "sum" ? bytes : undefined)),
  };
}

/** The shortest time the machine's rates allow; 0 where they were not measured. */
function floorOf({ flops = 0, bytes = 0 }: Row, rates: Rates): number {
  return Math.max(rates.flops > 0 ? flops / rates.flops : 0, rates.bytes > 0 ? bytes / rates.bytes : 0);
}

/** `1.23 ms`. */
function time(nanoseconds: number): string {
  const [value, unit] =
    nanoseconds < 1e3 ? [nanoseconds, "ns"] : nanoseconds < 1e6 ? [nanoseconds / 1e3, "µs"] : [nanoseconds / 1e6, "ms"];
  return `${rounded(value)} ${unit}`;
}

/** What a step learns from in a second, and the memory it takes; empty for rows that are no steps. */
function stepFigures({ tokens }: Row, { time, peakBytes }: Measurement): string {
  const rate = tokens === undefined ? "" : `, ${rounded((tokens / time) * 1e6)}k/s`;
  return rate + (peakBytes === undefined ? "" : `, ${(peakBytes / 2 ** 20).toFixed(0)} MiB`);
}

/** Three digits, or all of those before the point. */
const rounded = (x: number): string => (x < 1000 ? x.toPrecision(3) : x.toFixed(0));

const percent = (x: number): string => `${Math.round(100 * x)} %`;

/** Peers whose result differs from ours: they did not do the same work. */
function disagreements({ measurements }: Line): readonly string[] {
  const ours = measurements[0]?.check;
  if (ours === undefined) return [];
  const differs = (check: number): boolean => Math.abs(check - ours) > 0.01 * Math.abs(ours);
  return measurements.filter((m) => m.check !== undefined && differs(m.check)).map((m) => m.peer);
}

/** One line as text: ours, its spread and floor, then each peer's time and how often ours fits in it. */
export function textOf(line: Line, rates: Rates): string {
  const { row, measurements, missing } = line;
  const per = row.per ?? 1;
  const floor = floorOf(row, rates);
  const base = measurements.find((m) => m.peer === "ours");
  const cells = measurements.map((m) => {
    const wrong = disagreements(line).includes(m.peer) ? " (another result!)" : "";
    const ratio = base && m !== base ? ` = ${(m.time / base.time).toFixed(2)}×` : "";
    const reached = floor > 0 && m.peer.startsWith("ours") ? `, ${percent(floor / m.time)} of floor` : "";
    return `${m.peer} ${time(m.time / per)} ±${percent(m.spread)}${stepFigures(row, m)}${reached}${ratio}${wrong}`;
  });
  const absent = Object.entries(missing).map(([peer, why]) => `${peer}: ${why}`);
  return `${row.name.padEnd(40)} ${[...cells, ...absent].join(" | ")}`;
}

/** The lines of one number of threads as a Markdown table: times, and the ratio to ours in brackets. */
export function markdownOf(lines: readonly Line[], threads: number): string {
  const own = lines.filter((line) => line.threads === threads);
  const peers = [...new Set(own.flatMap((line) => line.measurements.map((m) => m.peer)))];
  const rates = ratesOf(lines, threads);
  const body = own.map((line) => {
    const base = line.measurements.find((m) => m.peer === "ours");
    const floor = floorOf(line.row, rates);
    const cells = peers.map((peer) => {
      const m = line.measurements.find((x) => x.peer === peer);
      if (m === undefined) return "–";
      const wrong = disagreements(line).includes(peer) ? " (another result)" : "";
      const ratio = base && m !== base ? ` (${(m.time / base.time).toFixed(2)}×)` : "";
      return `${time(m.time / (line.row.per ?? 1))} ±${percent(m.spread)}${stepFigures(line.row, m)}${ratio}${wrong}`;
    });
    const reached = floor > 0 && base ? percent(floor / base.time) : "–";
    return `| ${[line.row.name, ...cells, floor > 0 ? time(floor) : "–", reached].join(" | ")} |`;
  });
  const head = ["work", ...peers, "floor", "ours reaches"];
  return [
    `### ${threads === 0 ? "WebGPU" : threads === 1 ? "One thread" : `${threads} threads`}`,
    "",
    ...bestRates(rates),
    `| ${head.join(" | ")} |`,
    `|${head.map(() => "---").join("|")}|`,
    ...body,
  ].join("\n");
}

function bestRates({ flops, bytes }: Rates): readonly string[] {
  const rates = [
    ...(flops > 0 ? [`${flops.toFixed(1)} GFLOP/s in a matrix product`] : []),
    ...(bytes > 0 ? [`${bytes.toFixed(1)} GB/s in a sum or an addition`] : []),
  ];
  return rates.length > 0 ? [`Best rates anyone reached: ${rates.join(", ")}.`, ""] : [];
}

/** How a peer's step grows with one size: time and memory are about `size ** exponent`. */
export interface Growth {
  readonly peer: string;
  readonly threads: number;
  readonly of: string;
  readonly time: number;
  readonly memory?: number;
}

/** Exponents of the rows that differ in one size, by least squares through the logarithms. */
export function growthOf(lines: readonly Line[]): readonly Growth[] {
  const groups = new Map<string, { growth: Omit<Growth, "time">; points: { size: number; at: Measurement }[] }>();
  for (const { row, threads, measurements } of lines) {
    if (!row.series) continue;
    for (const at of measurements) {
      const key = `${at.peer} ${threads} ${row.series.of}`;
      const group = groups.get(key) ?? { growth: { peer: at.peer, threads, of: row.series.of }, points: [] };
      group.points.push({ size: row.series.size, at });
      groups.set(key, group);
    }
  }
  return [...groups.values()].flatMap(({ growth, points }) => {
    if (points.length < 2) return [];
    const xs = points.map((p) => Math.log(p.size));
    const slope = (values: readonly number[]): number => {
      const ys = values.map(Math.log);
      const [x0, y0] = [xs, ys].map((all) => all.reduce((a, b) => a + b, 0) / all.length) as [number, number];
      const over = xs.reduce((sum, x, i) => sum + (x - x0) * (ys[i]! - y0), 0);
      return over / xs.reduce((sum, x) => sum + (x - x0) ** 2, 0);
    };
    const peaks = points.flatMap((p) => p.at.peakBytes ?? []);
    const memory = peaks.length === points.length ? slope(peaks) : undefined;
    return [{ ...growth, time: slope(points.map((p) => p.at.time)), ...(memory !== undefined && { memory }) }];
  });
}

/** `ours, 2 threads: time grows as batch^0.98, memory as batch^0.7`. */
export const growthText = ({ peer, threads, of, time, memory }: Growth): string =>
  `${peer}, ${threads} ${threads === 1 ? "thread" : "threads"}: time grows as ${of}^${time.toFixed(2)}${memory === undefined ? "" : `, memory as ${of}^${memory.toFixed(2)}`}`;

/** What became slower or faster than in an earlier result by more than the noise of both. */
export function compare(now: readonly Line[], before: readonly Line[]): readonly string[] {
  return now.flatMap((line) => {
    const old = before.find((x) => x.row.name === line.row.name && x.threads === line.threads);
    const [a, b] = [old, line].map((x) => x?.measurements.find((m) => m.peer === "ours"));
    if (!a || !b) return [];
    const change = b.time / a.time - 1;
    const noise = Math.max(0.03, 2 * (a.spread + b.spread));
    if (Math.abs(change) <= noise) return [];
    const word = change > 0 ? "slower" : "faster";
    return [
      `${line.row.name}, ${line.threads} threads: ${percent(Math.abs(change))} ${word} (${time(a.time)} → ${time(b.time)}, noise ${percent(noise)})`,
    ];
  });
}
