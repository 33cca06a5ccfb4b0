// The run itself: peers take turns on every row, round by round.
import { type Asked, startPeers } from "./participants.js";
import type { Peer } from "./peer.js";
import { type Line, ratesOf } from "./rates.js";
import { textOf, threadsText } from "./report.js";
import { adapterRows, machineRows, type Row } from "./rows.js";
import { type Measurement, measurementOf, quantile, type Statistic } from "./statistics.js";

/** How much is measured. */
export interface Settings extends Asked {
  readonly rounds: number;
  /** How long a peer's turn is. */
  readonly milliseconds: number;
  readonly statistic: Statistic;
}

/** Lines, and who took part. */
export interface Measured {
  readonly lines: readonly Line[];
  readonly versions: Readonly<Record<string, string>>;
  readonly missing: Readonly<Record<string, string>>;
}

/** Those that are measured for the floors' sake, whoever else was asked for. */
const gauges: readonly string[] = ["C", "OpenBLAS", "OpenBLAS (AVX2)", "the adapter"];

/** Measures one row; the first round warms up and does not count. */
async function measureRow(row: Row, threads: number, peers: readonly Peer[], settings: Settings): Promise<Line> {
  const { rounds, milliseconds, statistic } = settings;
  const times = new Map<Peer, number[][]>();
  const deviceTimes = new Map<Peer, number[]>();
  const more = new Map<Peer, Pick<Measurement, "check" | "peakBytes">>();
  const missing: Record<string, string> = {};
  for (let round = 0; round <= rounds; round++) {
    for (const peer of peers) {
      if (peer.name in missing || !peer.offers(row)) continue;
      const answer = await peer.ask({ row, milliseconds });
      if (answer.times === undefined) missing[peer.name] = answer.missing ?? "no answer";
      else {
        const { times: samples, missing: _, deviceTime, ...rest } = answer;
        if (deviceTime !== undefined) deviceTimes.set(peer, [...(deviceTimes.get(peer) ?? []), deviceTime]);
        more.set(peer, { ...more.get(peer), ...rest });
        if (round > 0) times.set(peer, [...(times.get(peer) ?? []), [...samples]]);
      }
    }
  }
  const measurements = [...times].map(([peer, all]) => {
    const own = deviceTimes.get(peer);
    const device = own && { deviceTime: quantile(own, 0.5) };
    return measurementOf(peer.name, all, statistic, { ...more.get(peer), ...device });
  });
  return { row, threads, measurements, missing };
}

/** Measures rows with one number of threads, the machine's own rates first, and prints each line as it comes. */
export async function measureAll(rows: readonly Row[], threads: number, settings: Settings): Promise<Measured> {
  const lines: Line[] = [];
  const versions: Record<string, string> = {};
  const missing: Record<string, string> = {};
  const start = async (asked: Asked, forRows: readonly Row[]): Promise<readonly Peer[]> => {
    const started = await startPeers(threads, forRows, asked);
    for (const [name, why] of Object.entries(started.missing)) {
      if (!(name in missing)) console.log(`${name}: ${why}`);
      missing[name] = why;
    }
    for (const { name, greeting } of started.peers) versions[name] = greeting.version;
    return started.peers;
  };
  const measure = async (row: Row, peers: readonly Peer[], how: Settings): Promise<void> => {
    const line = await measureRow(row, threads, peers, how);
    lines.push(line);
    console.log(textOf(line, ratesOf(lines, threads)));
  };

  console.log(`\n${threadsText(threads)}`);
  const machine = threads === 0 ? adapterRows : machineRows;
  const shared = rows.filter(({ tokens }) => tokens === undefined);
  const withGauges = settings.peers && [...settings.peers, ...gauges];
  const present = await start({ ...settings, peers: withGauges }, [...machine, ...shared]);
  for (const row of machine) await measure(row, present, { ...settings, rounds: 1, statistic: "best" });
  const asked = present.filter(({ name }) => settings.peers?.includes(name) ?? true);
  for (const row of rows) {
    if (row.tokens === undefined) await measure(row, asked, settings);
    else {
      // A step's memory is that of a process that has done nothing else.
      const own = await start(settings, [row]);
      await measure(row, own, settings);
      for (const peer of own) peer.stop();
    }
  }
  for (const peer of present) peer.stop();
  return { lines, versions, missing };
}
