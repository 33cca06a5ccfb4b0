// `npm run quality -- --data DIR`: trains the examples on real data with several seeds and writes docs/results.md, beside what
// PyTorch reaches with the same work. A run that is finished is not trained again, one that was stopped is continued.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fail, readCommandLine } from "./lib/command-line.js";
import { root } from "./lib/repository.js";
import { runNode } from "./lib/tools.js";
import { documentOf, type FinishedRun } from "./quality/report.js";
import { type Metric, type System, systems } from "./quality/systems.js";

const { values: options } = readCommandLine({
  name: "quality",
  about: "Trains the examples on real data with several seeds and writes docs/results.md.",
  options: {
    data: { type: "string", value: "DIR", help: "the folder that holds tinyshakespeare.txt, corpus.txt, polarity, …" },
    only: { type: "string", value: "NAMES", help: "some of the examples, with commas between them" },
    seeds: { type: "string", default: "1337,1338,1339", value: "LIST", help: "the seeds of each example's runs" },
    threads: { type: "string", value: "N", help: "CPU threads, all cores without it" },
    runs: { type: "string", default: join(root, "runs", "quality"), value: "DIR", help: "where the runs are kept" },
    report: { type: "boolean", default: false, help: "train nothing, write what finished runs recorded" },
  },
});

if (options.data === undefined && !options.report) {
  fail(
    "quality: --data is missing, got nothing, expected the folder that holds tinyshakespeare.txt, corpus.txt, polarity, …",
  );
}
const known = systems.map(({ example }) => example);
const wanted = options.only?.split(",") ?? known;
for (const name of wanted) {
  if (!known.includes(name))
    fail(`quality: --only names no example, got ${name}, expected some of ${known.join(", ")}`);
}
const seeds = options.seeds.split(",").map((text) => {
  if (!/^\d+$/.test(text)) fail(`quality: --seeds holds no whole number, got ${text}, expected for example 1337,1338`);
  return Number(text);
});

const folderOf = ({ example }: System, seed: number): string => resolve(options.runs, `${example}-${seed}`);

/** Marks a run that was trained to its end. */
const markOf = (folder: string): string => join(folder, "finished");

/** Trains to the end, from where an earlier attempt stopped. */
async function train(system: System, seed: number, data: string): Promise<void> {
  const folder = folderOf(system, seed);
  if (existsSync(markOf(folder))) return;
  mkdirSync(options.runs, { recursive: true });
  const paths = Object.entries(system.paths ?? {}).flatMap(([option, path]) => [`--${option}`, resolve(data, path)]);
  const place = existsSync(join(folder, "configuration.json"))
    ? ["--resume", folder]
    : ["--data", resolve(data, system.data), ...paths, "--seed", String(seed), "--out", folder];
  const threads = options.threads === undefined ? [] : ["--threads", options.threads];
  const { exitCode } = await runNode(join(root, "scripts", "run.mjs"), ["start", system.example, ...place, ...threads]);
  if (exitCode !== 0) process.exit(exitCode);
  writeFileSync(markOf(folder), "");
}

/** What a finished run recorded; undefined for one that is not finished. */
function read(system: System, seed: number): FinishedRun | undefined {
  const folder = folderOf(system, seed);
  if (!existsSync(markOf(folder))) return undefined;
  const lines = readFileSync(join(folder, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  const records = lines.map((line) => JSON.parse(line) as Partial<FinishedRun["scores"]>);
  const last = (part: Metric["part"]) => records.findLast((record) => record[part] !== undefined)?.[part] ?? {};
  const configuration = JSON.parse(readFileSync(join(folder, "configuration.json"), "utf8")) as FinishedRun;
  const scores = { validation: last("validation"), test: last("test") };
  return { seed, scores, options: configuration.options, facts: configuration.facts };
}

if (!options.report) {
  for (const system of systems.filter(({ example }) => wanted.includes(example))) {
    for (const seed of seeds) await train(system, seed, options.data!);
  }
}
// Every example is in the table, also those left alone this time.
const document = documentOf(
  systems.map((system) => ({ system, runs: seeds.flatMap((seed) => read(system, seed) ?? []) })),
);
writeFileSync(join(root, "docs", "results.md"), document);
console.log(document);
