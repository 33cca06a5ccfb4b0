// `npm run bench`: ours and every peer that is installed do the same work in the same run, taking turns, several rounds.
// It reports and never fails on a time. docs/performance.md explains the options and the table.
import { readFileSync, writeFileSync } from "node:fs";
import { arch, availableParallelism, cpus, loadavg, platform } from "node:os";
import { parseArgs } from "node:util";
import { compare } from "./bench/compare.js";
import { growthOf, growthText } from "./bench/growth.js";
import { hostText, measureHost } from "./bench/host-figures.js";
import { peersFolder, writePeerManifest } from "./bench/installed.js";
import { type Measured, measureAll, type Settings } from "./bench/measure.js";
import { otherNodes } from "./bench/node-versions.js";
import { joined, type Result, resultMarkdown } from "./bench/result.js";
import { rowsFor } from "./bench/rows.js";
import { filesUnder, root, workspacePackages } from "./lib/repository.js";
import { pnpmScript, runNode } from "./lib/tools.js";

const { values: options } = parseArgs({
  options: {
    all: { type: "boolean", default: false },
    only: { type: "string" },
    peers: { type: "string" },
    backend: { type: "string", default: "cpu" },
    node: { type: "string", multiple: true, default: [] },
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

/** A whole number of an option. */
function count(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`bench: --${name} is no count, got ${text}, expected a whole number above 0`);
}

const resultIn = (file: string | undefined): Result | undefined =>
  file === undefined ? undefined : (JSON.parse(readFileSync(file, "utf8")) as Result);

/** How many threads each part of the run uses; none of the processor's stands for WebGPU. */
function threadCounts(): readonly number[] {
  if (options.backend === "webgpu") return [0];
  if (options.backend !== "cpu") throw new Error(`bench: --backend is cpu or webgpu, got ${options.backend}`);
  if (options.threads !== undefined) return options.threads.split(",").map((text) => count("threads", text));
  return [...new Set([1, availableParallelism()])];
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
  const settings: Settings = {
    rounds: count("rounds", options.rounds),
    milliseconds: count("milliseconds", options.milliseconds),
    statistic: options.best ? "best" : "median",
    peers: options.peers?.split(";"),
    nodes: otherNodes(options.node),
  };
  const counts = threadCounts();
  const { rows, host: withHost } = rowsFor({
    only: options.only?.toLowerCase().split(";"),
    all: options.all,
    onGpu: counts[0] === 0,
  });
  if (rows.length === 0 && !withHost) {
    throw new Error(
      `bench: --only names no row and no group, got ${options.only}; the table of \`--all\` has their names`,
    );
  }
  const [before, earlier] = [resultIn(options.compare), resultIn(options.add)];
  const [load, processor] = [loadavg(), cpus()[0]?.model.trim() ?? ""];
  console.log(`${processor}, ${availableParallelism()} threads, Node ${process.version}, load ${load[0]!.toFixed(1)}`);

  const parts: Measured[] = [];
  for (const threads of rows.length > 0 ? counts : []) parts.push(await measureAll(rows, threads, settings));
  const host = withHost ? await measureHost() : {};
  for (const line of hostText(host)) console.log(line);

  const found = joined(
    {
      ...{ date: new Date().toISOString(), processor, system: `${platform()} ${arch()}`, node: process.version, load },
      statistic: settings.statistic,
      peers: Object.assign({}, ...parts.map(({ versions }) => versions)),
      missing: Object.assign({}, ...parts.map(({ missing }) => missing)),
      host,
      lines: parts.flatMap(({ lines }) => lines),
    },
    earlier,
  );
  const result: Result = { ...found, growth: growthOf(found.lines) };
  for (const one of result.growth) console.log(growthText(one));
  if (options.json) writeFileSync(options.json, `${JSON.stringify(result, null, 1)}\n`);
  if (options.markdown) writeFileSync(options.markdown, resultMarkdown(result));
  if (before) console.log(`\n${compare(result.lines, before.lines).join("\n")}`);
}

if (options["install-peers"]) {
  writePeerManifest();
  const { exitCode } = await runNode(pnpmScript(), ["install", "--ignore-workspace"], { cwd: peersFolder });
  process.exitCode = exitCode;
} else if (options.engine) await runPackages();
else await run();
