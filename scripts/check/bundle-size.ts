// What a web page loads: each bundle below, minified and gzipped, stays within its budget.
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { root } from "../lib/repository.js";

/** A bundle of whole packages, and the most kilobytes (1000 bytes) that it may have after gzip. */
export interface Budget {
  readonly packages: readonly string[];
  readonly kilobytes: number;
}

const budgets: readonly Budget[] = [{ packages: ["@torchium/tensor"], kilobytes: 80 }];

/** Kilobytes of the bundle of everything that `packages` export, built for browsers, minified and gzipped. */
export async function bundleKilobytes(packages: readonly string[]): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: packages.map((name) => `export * from ${JSON.stringify(name)};`).join("\n"), resolveDir: root },
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    conditions: ["@torchium/source"],
    external: ["node:*"],
    minify: true,
    write: false,
    logLevel: "silent",
  });
  return gzipSync(outputFiles[0]?.contents ?? new Uint8Array(), { level: 9 }).byteLength / 1000;
}

/** The bundles over their budget. */
export async function oversizedBundles(limits = budgets): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const { packages, kilobytes } of limits) {
    const size = await bundleKilobytes(packages);
    if (size > kilobytes)
      problems.push(`${packages.join(" + ")}: ${size.toFixed(1)} kB, the budget is ${kilobytes} kB`);
  }
  return problems;
}
