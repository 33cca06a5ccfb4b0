// What a web page loads: each bundle below, minified and gzipped, stays within its budget.
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { root } from "../lib/repository.js";

/** A bundle of everything that packages export, and the most kilobytes (1000 bytes) that it may have after gzip. */
export interface Budget {
  readonly packages: readonly string[];
  readonly kilobytes: number;
  /** As a page may build it that only runs on a GPU. */
  readonly withoutCpu?: boolean;
}

const budgets: readonly Budget[] = [
  // Everything there is, the CPU backend, documentation and test cases of every op included.
  { packages: ["@torchium/tensor"], kilobytes: 92 },
  { packages: ["@torchium/tensor", "@torchium/webgpu-backend"], withoutCpu: true, kilobytes: 80 },
];

/** Bundles a program for browsers; gives the bytes and the names that it exports. */
async function bundle(contents: string, withoutCpu: boolean) {
  const define: Record<string, string> = withoutCpu ? { "globalThis.TORCHIUM_CPU": "false" } : {};
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: root },
    outfile: "bundle.js",
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    conditions: ["@torchium/source"],
    external: ["node:*"],
    define,
    minify: true,
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const bytes = outputFiles[0]?.contents ?? new Uint8Array();
  return { bytes, names: Object.values(metafile.outputs).flatMap((output) => output.exports) };
}

/** Everything that a package exports but what makes CPU devices, as a statement. */
async function exportsWithoutCpu(name: string): Promise<string> {
  const { names } = await bundle(`export * from ${JSON.stringify(name)};`, true);
  return `export { ${names.filter((one) => one !== "createCpuDevice").join(", ")} } from ${JSON.stringify(name)};`;
}

/** Kilobytes of the bundle of everything that `packages` export, built for browsers, minified and gzipped. */
export async function bundleKilobytes({ packages, withoutCpu = false }: Omit<Budget, "kilobytes">): Promise<number> {
  const statements = withoutCpu
    ? await Promise.all(packages.map(exportsWithoutCpu))
    : packages.map((name) => `export * from ${JSON.stringify(name)};`);
  const { bytes } = await bundle(statements.join("\n"), withoutCpu);
  return gzipSync(bytes, { level: 9 }).byteLength / 1000;
}

/** The bundles over their budget. */
export async function oversizedBundles(limits = budgets): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const budget of limits) {
    const { packages, withoutCpu, kilobytes } = budget;
    const size = await bundleKilobytes(budget);
    const name = packages.join(" + ") + (withoutCpu ? " without the CPU backend" : "");
    if (size > kilobytes) problems.push(`${name}: ${size.toFixed(1)} kB, the budget is ${kilobytes} kB`);
  }
  return problems;
}
