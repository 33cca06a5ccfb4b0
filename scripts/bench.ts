// `npm run bench`: ours and every peer that is installed do the same work in the same run, taking turns, several rounds.
// It reports and never fails on a time. Options: --only "NAME;NAME", --threads 1,2, --rounds N, --milliseconds N a turn,
// --peers "ours;PyTorch", --json FILE, --markdown FILE, --compare FILE, --add FILE (what an earlier run measured beside this),
// --backend webgpu (instead of the processor; a shorter table, for adapters in software, unless --only says which rows),
// --best (the fastest sample instead of the median, for a busy machine), --install-peers, --engine (packages/*/bench instead).
import { readFileSync, writeFileSync } from "node:fs";
import { arch, availableParallelism, cpus, loadavg, platform } from "node:os";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { peersFolder, writePeerManifest } from "./bench/installed.js";
import { type Peer, startPeers } from "./bench/peers.js";
import {
  compare,
  type Growth,
  growthOf,
  growthText,
  type Line,
  type Measurement,
  markdownOf,
  measurementOf,
  quantile,
  ratesOf,
  type Statistic,
  textOf,
} from "./bench/report.js";
import { type Row, rows } from "./bench/rows.js";
import { filesUnder, root, workspacePackages } from "./lib/repository.js";
import { pnpmScript, runNode } from "./lib/tools.js";

/** What `--json` writes. */
interface Result {
  readonly date: string;
  readonly processor: string;
  readonly system: string;
  readonly node: string;
  readonly load: readonly number[];
  readonly statistic: Statistic;
  readonly peers: Readonly<Record<string, string>>;
  readonly host: Readonly<Record<string, number>>;
  readonly lines: readonly Line[];
  readonly growth: readonly Growth[];
}

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    peers: { type: "string" },
    backend: { type: "string", default: "cpu" },
    threads: { type: "string" },
    rounds: { type: "string", default: "5" },
    milliseconds: { type: "string", default: "120" },
    json: { type: "string" },
    markdown: { type: "string" },
    compare: { type: "string" },
    add: { type: "string" },
    "install-peers": { type: "boolean", default: false },
    best: { type: "boolean", default: false },
    engine: { type: "boolean", default: false },
  },
});

/** Rows that an adapter in software does in seconds. */
const webGpuRows = [
  ...["add 4m", "matmul 256", "matmul 768×384×128 linear", "weight gradient", "scores", "exp 4m", "gelu 4m"],
  ...["softmax [512", "layernorm [512", "sum 4m", "column sum", "gather", "attention 12", "gpt, nanogpt"],
];

const statistic: Statistic = options.best ? "best" : "median";

/** A whole number of an option. */
function count(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`bench: --${name} is no count, got ${text}, expected a whole number above 0`);
}

/** Measures one row: the peers take turns, round by round; the first round warms up and does not count. */
async function measure(row: Row, threads: number, peers: readonly Peer[], rounds: number): Promise<Line> {
  const milliseconds = count("milliseconds", options.milliseconds);
  const times = new Map<Peer, number[][]>();
  const more = new Map<Peer, Pick<Measurement, "check" | "peakBytes">>();
  const missing: Record<string, string> = {};
  for (let round = 0; round <= rounds; round++) {
    for (const peer of peers) {
      if (peer.name in missing) continue;
      const answer = await peer.ask({ row, milliseconds });
      if (answer.times === undefined) missing[peer.name] = answer.missing ?? "no answer";
      else {
        const { times: samples, missing: _, ...rest } = answer;
        more.set(peer, { ...more.get(peer), ...rest });
        if (round > 0) times.set(peer, [...(times.get(peer) ?? []), [...samples]]);
      }
    }
  }
  const measurements = [...times].map(([peer, all]) => measurementOf(peer.name, all, statistic, more.get(peer)));
  return { row, threads, measurements, missing };
}

/** The costs beside the arithmetic, each in processes of its own. */
async function measureHost(): Promise<Record<string, number>> {
  const file = "scripts/bench/peers/host.ts";
  const ask = async (what: string): Promise<Record<string, number>> => {
    const { output } = await runNode(`${root}/scripts/run.mjs`, ["ts", file, what], { capture: true });
    const line = output.split("\n").find((text) => text.startsWith("{"));
    if (line === undefined) throw new Error(`bench: ${file} printed no result, got\n${output}`);
    return JSON.parse(line) as Record<string, number>;
  };
  const starts: number[] = [];
  let first: Record<string, number> = {};
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    first = await ask("first");
    starts.push(performance.now() - start);
  }
  return {
    startToFirstStepMilliseconds: quantile(starts, 0.5),
    ...first,
    ...(await ask("replay")),
    ...(await ask("lengths")),
  };
}

/** Runs the benchmarks that packages keep beside their sources. */
async function runPackages(): Promise<void> {
  for (const { folder } of workspacePackages()) {
    for (const file of filesUnder(`${folder}/bench`, (name) => name.endsWith(".bench.ts"))) {
      console.log(`\n${file}`);
      await runNode(`${root}/scripts/run.mjs`, ["ts", file]);
    }
  }
}

async function run(): Promise<void> {
  const rounds = count("rounds", options.rounds);
  const everyThread = availableParallelism();
  const onGpu = options.backend === "webgpu";
  if (!onGpu && options.backend !== "cpu") throw new Error(`bench: --backend is cpu or webgpu, got ${options.backend}`);
  // No threads of the processor's stands for WebGPU.
  const threadCounts = onGpu
    ? [0]
    : options.threads
      ? options.threads.split(",").map((text) => count("threads", text))
      : [...new Set([1, everyThread])];
  const only = options.only?.toLowerCase().split(";");
  const wanted = rows.filter(
    ({ name, group }) =>
      (only ?? (onGpu ? webGpuRows : undefined))?.some((text) => name.toLowerCase().includes(text) || group === text) ??
      true,
  );
  const before = options.compare ? (JSON.parse(readFileSync(options.compare, "utf8")) as Result) : undefined;
  const load = loadavg();
  const lines: Line[] = [];
  const versions: Record<string, string> = {};
  console.log(
    `${cpus()[0]?.model.trim()}, ${everyThread} threads, Node ${process.version}, load ${load[0]!.toFixed(1)}`,
  );
  for (const threads of threadCounts) {
    console.log(`\n${threads === 0 ? "WebGPU" : threads === 1 ? "one thread" : `${threads} threads`}`);
    const peers = await startPeers(threads, options.peers?.split(";"));
    for (const { name, greeting } of peers) versions[name] = greeting.version;
    const names = peers.map((peer) => peer.name);
    for (const row of wanted) {
      // A step's memory is that of a process that has done nothing else.
      const own = row.tokens !== undefined ? await startPeers(threads, names) : peers;
      const line = await measure(row, threads, own, rounds);
      if (own !== peers) for (const peer of own) peer.stop();
      lines.push(line);
      console.log(textOf(line, ratesOf(lines, threads)));
    }
    for (const peer of peers) peer.stop();
  }
  const host = !onGpu && (!only || only.includes("host")) ? await measureHost() : {};
  for (const [name, value] of Object.entries(host)) console.log(`${name.padEnd(40)} ${value.toPrecision(4)}`);

  const earlier = options.add ? (JSON.parse(readFileSync(options.add, "utf8")) as Result) : undefined;
  const isNew = (line: Line): boolean => !lines.some((x) => x.row.name === line.row.name && x.threads === line.threads);
  lines.push(...(earlier?.lines.filter(isNew) ?? []));
  const growth = growthOf(lines);
  for (const one of growth) console.log(growthText(one));

  const result: Result = {
    ...{ date: new Date().toISOString(), processor: cpus()[0]?.model.trim() ?? "", system: `${platform()} ${arch()}` },
    ...{
      node: process.version,
      load,
      statistic,
      peers: { ...earlier?.peers, ...versions },
      host: { ...earlier?.host, ...host },
    },
    ...{ lines, growth },
  };
  if (options.json) writeFileSync(options.json, `${JSON.stringify(result, null, 1)}\n`);
  if (options.markdown) writeFileSync(options.markdown, markdown(result));
  if (before) {
    const changes = compare(lines, before.lines);
    console.log(changes.length > 0 ? `\n${changes.join("\n")}` : "\nno row changed by more than its noise");
  }
}

function markdown({ date, processor, system, node, load, statistic, peers, host, lines, growth }: Result): string {
  const versions = Object.entries(peers).map(([name, version]) => `${name} ${version}`);
  return `${[
    `# ${date.slice(0, 10)}, ${processor}`,
    "",
    `${system}, Node ${node}; load when it began ${load.map((x) => x.toFixed(1)).join(", ")}. ${versions.join(", ")}.`,
    `${statistic === "median" ? "Median of the rounds" : "Fastest sample"} ± half the distance of the rounds' quartiles; in brackets the time over ours, so above 1 ours is faster.`,
    "",
    ...[...new Set(lines.map((line) => line.threads))].flatMap((threads) => [markdownOf(lines, threads), ""]),
    ...(Object.keys(host).length > 0 ? ["### Host", ""] : []),
    ...Object.entries(host).map(([name, value]) => `- ${name}: ${value.toPrecision(4)}`),
    ...(growth.length > 0 ? ["", "### Growth", "", ...growth.map((one) => `- ${growthText(one)}`)] : []),
  ]
    .join("\n")
    .trimEnd()}\n`;
}

if (options["install-peers"]) {
  writePeerManifest();
  const { exitCode } = await runNode(pnpmScript(), ["install", "--ignore-workspace"], { cwd: peersFolder });
  process.exitCode = exitCode;
} else if (options.engine) await runPackages();
else await run();
