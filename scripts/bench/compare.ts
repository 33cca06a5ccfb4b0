// What changed since an earlier result by more than the noise of both.
import type { Line } from "./rates.js";
import { percent, threadsText, timeText } from "./report.js";
import { type Measurement, quantile } from "./statistics.js";

interface Pair {
  readonly line: Line;
  readonly before: Measurement;
  readonly now: Measurement;
}

function pairsOf(now: readonly Line[], before: readonly Line[]): readonly Pair[] {
  return now.flatMap((line) => {
    const old = before.find((x) => x.row.name === line.row.name && x.threads === line.threads);
    return line.measurements.flatMap((m) => {
      const earlier = old?.measurements.find(({ peer }) => peer === m.peer);
      return earlier ? [{ line, before: earlier, now: m }] : [];
    });
  });
}

const isOurs = ({ now }: Pair): boolean => now.peer.startsWith("ours");
const changeOf = ({ before, now }: Pair): number => now.time / before.time - 1;
const wordOf = (change: number): string => `${percent(Math.abs(change))} ${change > 0 ? "slower" : "faster"}`;

/** One line for each row of ours that changed, and one for what the machine itself did to the others meanwhile. */
export function compare(now: readonly Line[], before: readonly Line[]): readonly string[] {
  const pairs = pairsOf(now, before).filter(({ line }) => line.row.group !== "machine");
  const changed = pairs.filter(isOurs).flatMap((pair) => {
    const change = changeOf(pair);
    const noise = Math.max(0.03, 2 * (pair.before.spread + pair.now.spread));
    if (Math.abs(change) <= noise) return [];
    const times = `${timeText(pair.before.time)} → ${timeText(pair.now.time)}`;
    const { line } = pair;
    return [
      `${line.row.name}, ${threadsText(line.threads)}, ${pair.now.peer}: ${wordOf(change)} (${times}, noise ${percent(noise)})`,
    ];
  });
  const others = pairs.filter((pair) => !isOurs(pair)).map(changeOf);
  const machine =
    others.length > 0 ? [`the other peers, median of ${others.length}: ${wordOf(quantile(others, 0.5))}`] : [];
  const verdict = changed.length > 0 ? changed : ["no row changed by more than its noise"];
  return pairs.length === 0 ? ["no row of the earlier result was measured"] : [...verdict, ...machine];
}
