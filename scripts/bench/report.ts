// From lines to the table: times, ratios, floors, and how much of the floor is reached.
import { floorOf, type Line, type Rates, ratesOf } from "./rates.js";
import type { Row } from "./rows.js";
import type { Measurement } from "./statistics.js";

/** `1.23 ms`. */
export function timeText(nanoseconds: number): string {
  const [value, unit] =
    nanoseconds < 1e3
      ? [nanoseconds, "ns"]
      : nanoseconds < 1e6
        ? [nanoseconds / 1e3, "µs"]
        : nanoseconds < 1e9
          ? [nanoseconds / 1e6, "ms"]
          : [nanoseconds / 1e9, "s"];
  return `${rounded(value)} ${unit}`;
}

/** Three digits, or all of those before the point. */
const rounded = (x: number): string => (x < 1000 ? x.toPrecision(3) : x.toFixed(0));

/** `12 %`. */
export const percent = (x: number): string => `${Math.round(100 * x)} %`;

/** `one thread`, `2 threads`; none of the processor's stands for WebGPU. */
export const threadsText = (threads: number): string =>
  threads === 0 ? "WebGPU" : threads === 1 ? "one thread" : `${threads} threads`;

/** What a row says beside its time: the device's own clock, what a step learns from in a second and its memory, or the machine's rate. */
function figures({ tokens, group, flops, bytes, per = 1 }: Row, { time, deviceTime, peakBytes }: Measurement): string {
  const device = deviceTime === undefined ? "" : `, device ${timeText(deviceTime / per)}`;
  const learnt = tokens === undefined ? "" : `, ${rounded((tokens / time) * 1e6)}k/s`;
  const memory = peakBytes === undefined ? "" : `, ${(peakBytes / 2 ** 20).toFixed(0)} MiB`;
  if (group !== "machine") return device + learnt + memory;
  return flops === undefined ? `, ${rounded(bytes! / time)} GB/s` : `, ${rounded(flops / time)} GFLOP/s`;
}

/** Peers whose result differs from ours: they did not do the same work. */
function disagreements({ measurements }: Line): readonly string[] {
  const ours = measurements.find((m) => m.check !== undefined)?.check;
  if (ours === undefined) return [];
  const differs = (check: number): boolean => Math.abs(check - ours) > 0.01 * Math.abs(ours);
  return measurements.filter((m) => m.check !== undefined && differs(m.check)).map((m) => m.peer);
}

/** One line as text: the floor, ours and the share of the floor it reaches, each peer's time and how often ours fits in it. */
export function textOf(line: Line, rates: Rates): string {
  const { row, measurements, missing } = line;
  const per = row.per ?? 1;
  const floor = row.group === "machine" ? 0 : floorOf(row, rates);
  const base = measurements.find((m) => m.peer === "ours");
  const cells = measurements.map((m) => {
    const wrong = disagreements(line).includes(m.peer) ? " (another result!)" : "";
    const ratio = base && m !== base ? ` = ${(m.time / base.time).toFixed(2)}×` : "";
    const reached = floor > 0 && m.peer.startsWith("ours") ? `, ${percent(floor / m.time)} of floor` : "";
    return `${m.peer} ${timeText(m.time / per)} ±${percent(m.spread)}${figures(row, m)}${reached}${ratio}${wrong}`;
  });
  const absent = Object.entries(missing).flatMap(([peer, why]) => (why === "not offered" ? [] : [`${peer}: ${why}`]));
  const first = floor > 0 ? [`floor ${timeText(floor / per)}`] : [];
  return `${row.name.padEnd(40)} ${[...first, ...cells, ...absent].join(" | ")}`;
}

/** The lines of one number of threads as a Markdown table: times, and the ratio to ours in brackets. */
export function markdownOf(lines: readonly Line[], threads: number): string {
  const rates = ratesOf(lines, threads);
  const own = lines.filter((line) => line.threads === threads && line.row.group !== "machine");
  const peers = [...new Set(own.flatMap((line) => line.measurements.map((m) => m.peer)))];
  const body = own.map((line) => {
    const base = line.measurements.find((m) => m.peer === "ours");
    const [floor, per] = [floorOf(line.row, rates), line.row.per ?? 1];
    const cells = peers.map((peer) => {
      const m = line.measurements.find((x) => x.peer === peer);
      if (m === undefined) return "–";
      const wrong = disagreements(line).includes(peer) ? " (another result)" : "";
      const ratio = base && m !== base ? ` (${(m.time / base.time).toFixed(2)}×)` : "";
      return `${timeText(m.time / per)} ±${percent(m.spread)}${figures(line.row, m)}${ratio}${wrong}`;
    });
    const reached = floor > 0 && base ? percent(floor / base.time) : "–";
    return `| ${[line.row.name, ...cells, floor > 0 ? timeText(floor / per) : "–", reached].join(" | ")} |`;
  });
  const head = ["work", ...peers, "floor", "ours reaches"];
  const title = threadsText(threads);
  return [
    `### ${title.charAt(0).toUpperCase()}${title.slice(1)}`,
    "",
    ...ratesText(rates),
    `| ${head.join(" | ")} |`,
    `|${head.map(() => "---").join("|")}|`,
    ...body,
  ].join("\n");
}

/** The rates the floors come from, as a sentence and a blank line. */
function ratesText({ flops, memory }: Rates): readonly string[] {
  const at = ({ bytes, rate }: Rates["memory"][number]): string =>
    `${rounded(rate)} GB/s of ${(bytes / 2 ** 20).toFixed(2).replace(/\.?0+$/, "")} MiB`;
  const rates = [...(flops > 0 ? [`${rounded(flops)} GFLOP/s in a matrix product`] : []), ...memory.map(at)];
  return rates.length > 0 ? [`Best rates anyone reached, for the floors: ${rates.join(", ")}.`, ""] : [];
}
