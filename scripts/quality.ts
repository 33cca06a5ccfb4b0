// `npm run quality -- --data DIR`: trains the examples on real data with several seeds and writes docs/results.md, beside what
// PyTorch reaches with the same work. A run that is finished is not trained again; `--only gpt,ner` and `--seeds 1,2` narrow it.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./lib/repository.js";
import { runNode } from "./lib/tools.js";

/** One example on real data: its metric, and PyTorch's values with the same recipe, one a seed. */
interface Row {
  readonly example: string;
  /** Inside the data folder. */
  readonly data: string;
  readonly metric: string;
  readonly better: "lower" | "higher";
  readonly pytorch: readonly number[];
  readonly options?: readonly string[];
}

const rows: readonly Row[] = [
  {
    example: "gpt",
    data: "tinyshakespeare.txt",
    metric: "loss",
    better: "lower",
    pytorch: [1.90004, 1.90832, 1.90459],
  },
  {
    example: "transformer-lm",
    data: "corpus.txt",
    metric: "perplexity",
    better: "lower",
    pytorch: [146.96, 145.19, 147.75],
  },
  { example: "bert-classifier", data: "polarity", metric: "accuracy", better: "higher", pytorch: [75.05, 74.39, 75.7] },
];

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    only: { type: "string" },
    seeds: { type: "string", default: "1337,1338,1339" },
    runs: { type: "string", default: join(root, "runs", "quality") },
  },
});
if (values.data === undefined) {
  console.error(
    "quality: --data is missing, got nothing, expected the folder that holds tinyshakespeare.txt, corpus.txt, polarity, …",
  );
  process.exit(2);
}
const seeds = values.seeds.split(",").map(Number);
const only = values.only?.split(",");

interface Line {
  readonly validation?: Readonly<Record<string, number>>;
}

/** The last evaluation that a run recorded. */
function finalScore(folder: string, metric: string): number | undefined {
  const file = join(folder, "metrics.jsonl");
  if (!existsSync(file)) return undefined;
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return lines.map((line) => (JSON.parse(line) as Line).validation?.[metric]).findLast((score) => score !== undefined);
}

const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;

/** Standard error of a mean; 0 for one value. */
function standardError(xs: readonly number[]): number {
  const m = mean(xs);
  return xs.length < 2 ? 0 : Math.sqrt(xs.reduce((s, x) => s + (x - m) ** 2, 0) / (xs.length - 1) / xs.length);
}

const table: string[] = [];
for (const row of rows) {
  if (only && !only.includes(row.example)) continue;
  const scores: number[] = [];
  for (const seed of seeds) {
    const folder = join(values.runs, `${row.example}-${seed}`);
    const done = join(folder, "finished");
    if (!existsSync(done)) {
      mkdirSync(values.runs, { recursive: true });
      const place = existsSync(join(folder, "configuration.json"))
        ? ["--resume", folder]
        : ["--data", join(values.data, row.data), "--seed", String(seed), "--out", folder, ...(row.options ?? [])];
      const { exitCode } = await runNode(join(root, "scripts", "run.mjs"), ["start", row.example, ...place]);
      if (exitCode !== 0) process.exit(exitCode);
      writeFileSync(done, "");
    }
    scores.push(finalScore(folder, row.metric) ?? Number.NaN);
  }
  const difference = (row.better === "lower" ? 1 : -1) * (mean(scores) - mean(row.pytorch));
  const allowed = 2 * Math.hypot(standardError(scores), standardError(row.pytorch));
  const verdict = difference <= allowed ? "no worse" : "worse";
  const list = (xs: readonly number[]): string => `${mean(xs).toFixed(3)} (${xs.map((x) => x.toFixed(3)).join(", ")})`;
  table.push(`| ${row.example} | ${row.metric} | ${list(scores)} | ${list(row.pytorch)} | ${verdict} |`);
}

const document = `# Results on real data

Each example's own recipe on real data, evaluated on held-out data, beside PyTorch 2.13 with the same work (seeds 1337, 1338,
1339). *No worse* means: by no more than two standard errors of the difference, both tables' seeds counted.
Made by \`npm run quality -- --data DIR\`; this table: seeds ${seeds.join(", ")}.

| example | metric | here: mean (each seed) | PyTorch: mean (each seed) | verdict |
|---|---|---|---|---|
${table.join("\n")}
`;
writeFileSync(join(root, "docs", "results.md"), document);
console.log(document);
