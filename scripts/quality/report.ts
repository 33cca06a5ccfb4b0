// docs/results.md, from what the runs recorded.
import { compare, mean } from "./statistics.js";
import type { Metric, System } from "./systems.js";

/** A finished run. */
export interface FinishedRun {
  readonly seed: number;
  /** The last scores of each part of the data. */
  readonly scores: Readonly<Record<Metric["part"], Readonly<Record<string, number>>>>;
  /** What `configuration.json` says: the options, and the facts about data and model. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** A system and its finished runs, one a seed. */
export interface Result {
  readonly system: System;
  readonly runs: readonly FinishedRun[];
}

/** Numbers as short as they can be told apart: 0.3216, 15.43, 146.6. */
const digitsOf = (x: number): number => (Math.abs(x) < 2 ? 4 : Math.abs(x) < 100 ? 2 : 1);

function listOf(values: readonly number[]): string {
  const digits = digitsOf(mean(values));
  return `**${mean(values).toFixed(digits)}** (${values.map((x) => x.toFixed(digits)).join(", ")})`;
}

/** The table's line of one metric. @throws Error when a run has no such score */
function metricLine({ system, runs }: Result, metric: Metric): string {
  const ours = runs.map(({ seed, scores }) => {
    const score = scores[metric.part][metric.score];
    if (score !== undefined) return score;
    throw new Error(`quality: ${system.example} with seed ${seed} recorded no ${metric.part} score ${metric.score}`);
  });
  const cells = ours.length === 0 ? ["not trained yet", listOf(metric.pytorch), ""] : comparedCells(metric, ours);
  return `| ${[system.example, metric.label, ...cells].join(" | ")} |`;
}

function comparedCells(metric: Metric, ours: readonly number[]): readonly string[] {
  const { worseBy, allowed, verdict } = compare(metric, ours);
  const digits = digitsOf(mean(ours));
  const seeds = ours.length < metric.pytorch.length ? `, ${ours.length} of ${metric.pytorch.length} seeds` : "";
  const distance = `${worseBy > 0 ? "worse" : "better"} by ${Math.abs(worseBy).toFixed(digits)}`;
  return [listOf(ours), listOf(metric.pytorch), `${verdict} (${distance}, noise ${allowed.toFixed(digits)}${seeds})`];
}

/** Options that say where a run happened and not what it did. */
const circumstances: ReadonlySet<string> = new Set(["data", "wordsim", "backend", "blas", "threads", "seed"]);

/** What was trained: sizes of data and model, and every option. */
function configurationLine({ system, runs }: Result): string | undefined {
  const [run] = runs;
  if (run === undefined) return undefined;
  // What a run found out, such as the size of its vocabulary, stands for the option that limited it.
  const settings = Object.entries({ ...run.options, ...run.facts })
    .filter(([name]) => !circumstances.has(name))
    .map(([name, value]) => `${name} ${String(value)}`);
  return `- **${system.example}**, ${system.data || "polarity, ner-wnut17, subjectivity"}: ${settings.join(", ")}`;
}

/** The document. */
export function documentOf(results: readonly Result[]): string {
  const lines = results.flatMap((result) => result.system.metrics.map((metric) => metricLine(result, metric)));
  const configurations = results.flatMap((result) => configurationLine(result) ?? []);
  return `# Results on real data

The eight examples, each trained by its own defaults with the seeds 1337, 1338 and 1339, beside PyTorch 2.13 doing the same work:
data split, vocabulary, batches, initialisation, schedule, clipping and evaluation. Made by \`npm run quality -- --data DIR\`.

*Noise* is two standard errors of the difference of the means, both tables' seeds counted; *no worse* means by no more than that,
*better* by more.

| example | metric | here: mean (each seed) | PyTorch: mean (each seed) | verdict |
|---|---|---|---|---|
${lines.join("\n")}

## Configurations

${configurations.join("\n")}
`;
}
