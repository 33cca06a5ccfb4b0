// What a run found, as the JSON file keeps it and as Markdown.
import { type Growth, growthText } from "./growth.js";
import { type HostFigures, hostText } from "./host-figures.js";
import type { Line } from "./rates.js";
import { markdownOf } from "./report.js";
import type { Statistic } from "./statistics.js";

/** What `--json` writes. */
export interface Result {
  readonly date: string;
  readonly processor: string;
  readonly system: string;
  readonly node: string;
  readonly load: readonly number[];
  readonly statistic: Statistic;
  /** Versions of those that took part. */
  readonly peers: Readonly<Record<string, string>>;
  /** Why others did not. */
  readonly missing: Readonly<Record<string, string>>;
  readonly host: HostFigures;
  readonly lines: readonly Line[];
  readonly growth: readonly Growth[];
}

const meanings = {
  median: "Median of the rounds",
  best: "Fastest sample",
} satisfies Record<Statistic, string>;

/** The result as a document. */
export function resultMarkdown(result: Result): string {
  const { date, processor, system, node, load, statistic, peers, missing = {}, host, lines, growth } = result;
  const versions = Object.entries(peers).map(([name, version]) => `${name} ${version}`);
  const absent = Object.entries(missing).map(([name, why]) => `${name}: ${why}`);
  return `${[
    `# ${date.slice(0, 10)}, ${processor}`,
    "",
    `${system}, Node ${node}; load when it began ${load.map((x) => x.toFixed(1)).join(", ")}. ${versions.join(", ")}.`,
    ...(absent.length > 0 ? [`Not there: ${absent.join("; ")}.`] : []),
    `${meanings[statistic]} ± half the distance of the rounds' quartiles; in brackets the time over ours, so above 1 ours is faster.`,
    "",
    ...[...new Set(lines.map((line) => line.threads))].flatMap((threads) => [markdownOf(lines, threads), ""]),
    ...(Object.keys(host).length > 0 ? ["### Host", ""] : []),
    ...hostText(host).map((line) => `- ${line}`),
    ...(growth.length > 0 ? ["", "### Growth", "", ...growth.map((one) => `- ${growthText(one)}`)] : []),
  ]
    .join("\n")
    .trimEnd()}\n`;
}

/** A result with what an earlier one measured beside it: rows, versions and host figures that this one lacks. */
export function joined(result: Omit<Result, "growth">, earlier: Result | undefined): Omit<Result, "growth"> {
  const isNew = ({ row, threads }: Line): boolean =>
    !result.lines.some((line) => line.row.name === row.name && line.threads === threads);
  const peers = { ...earlier?.peers, ...result.peers };
  // Some are left out with one number of threads only.
  const missing = Object.entries({ ...earlier?.missing, ...result.missing }).filter(([name]) => !(name in peers));
  return {
    ...result,
    peers,
    missing: Object.fromEntries(missing),
    host: { ...earlier?.host, ...result.host },
    lines: [...result.lines, ...(earlier?.lines.filter(isNew) ?? [])],
  };
}
