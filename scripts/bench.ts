// `npm run bench`: ours and every peer that is installed do the same work in the same run, taking turns, several rounds.
// It reports and never fails on a time. docs/performance.md explains the options and the table.
import { readFileSync, writeFileSync } from "node:fs";
import { arch, availableParallelism, cpus, loadavg, platform } from "node:os";
import { compare } from "./bench/compare.js";
import { growthOf, growthText } from "./bench/growth.js";
import { hostText, measureHost } from "./bench/host-figures.js";
import { peersFolder, writePeerManifest } from "./bench/installed.js";
import { type Measured, measureAll, type Settings } from "./bench/measure.js";
import { otherNodes } from "./bench/node-versions.js";
import { joined, type Result, resultMarkdown } from "./bench/result.js";
import { rowsFor } from "./bench/rows.js";
import { fail, readCommandLine } from "./lib/command-line.js";
import { filesUnder, root, workspacePackages } from "./lib/repository.js";
import { pnpmScript, runNode } from "./lib/tools.js";

const { values: options } = readCommandLine({
  name: "bench",
  about: "Ours and every peer that is installed do the same work in turns; docs/performance.md explains the table.",
  options: {
    all: { type: "boolean", default: false, help: "every row: about an hour on two cores" },
    only: { type: "string", value: "LIST", help: "rows by parts of their names, or groups, with ; between them" },
    peers: { type: "string", value: "LIST", help: 'who takes part, with ; between them: "ours;PyTorch"' },
    backend: { type: "string", default: "cpu", value: "cpu|webgpu", help: "where ours computes" },
    node: {
      type: "string",
      multiple: true,
      default: [],
      value: "PATH",
      help: "ours on that Node too, in the same run",
    },
    threads: { type: "string", value: "LIST", help: "numbers of threads, with commas; one and all without it" },
    rounds: { type: "string", default: "5", value: "N", help: "how often each takes its turn" },
    milliseconds: { type: "string", default: "120", value: "N", help: "how long a turn is" },
    json: { type: "string", value: "FILE", help: "keep the result" },
    markdown: { type: "string", value: "FILE", help: "write the table" },
    compare: { type: "string", value: "FILE", help: "what changed by more than the noise of both runs" },
    add: { type: "string", value: "FILE", help: "add what an earlier run measured: a table in parts" },
    best: { type: "boolean", default: false, help: "the fastest sample: for a machine that others use" },
    engine: { type: "boolean", default: false, help: "the packages' own benchmarks of their inner parts" },
    "install-peers": { type: "boolean", default: false, help: "only put the peers that npm has into .cache/" },
  },
});

/** A whole number of an option. */
function count(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  return fail(`bench: --${name} is no count, got ${text}, expected a whole number above 0`);
}

/** What an earlier run kept with `--json`. */
function resultIn(name: "compare" | "add"): Result | undefined {
  const file = options[name];
  if (file === undefined) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Result;
  } catch {
    return fail(`bench: --${name} names no result, got ${file}, expected a file that --json wrote`);
  }
}

/** How many threads each part of the run uses; none of the processor's stands for WebGPU. */
function threadCounts(): readonly number[] {
  if (options.backend === "webgpu") return [0];
  if (options.backend !== "cpu") {
    fail(`bench: --backend is no backend, got ${options.backend}, expected cpu or webgpu`);
  }
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
  const [before, earlier] = [resultIn("compare"), resultIn("add")];
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
    fail(`bench: --only names no row and no group, got ${options.only}; the table of \`--all\` has their names`);
  }
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
