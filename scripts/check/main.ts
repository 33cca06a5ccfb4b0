// `npm run check`: everything that can be said about the code without running it, one line a step.
// Arguments choose steps by name; `--fix` lets the formatter and linter repair what they can.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail, readCommandLine } from "../lib/command-line.js";
import { root } from "../lib/repository.js";
import { runNode, toolScript } from "../lib/tools.js";
import { boundaryProblems } from "./boundaries.js";
import { oversizedBundles } from "./bundle-size.js";
import { changesetProblems } from "./changesets.js";
import { importCycles } from "./cycles.js";
import { undocumentedPackageExports } from "./documented-exports.js";
import { readModuleGraph } from "./module-graph.js";
import { attwProblems, publintProblems } from "./packed.js";
import { readmeTypeProblems } from "./readme-types.js";

type Problems = readonly string[];

/** Runs an installed tool; what it prints is the problem when it fails. */
async function tool(packageName: string, name: string, args: readonly string[]): Promise<Problems> {
  const { exitCode, output } = await runNode(toolScript(packageName, name), args, { capture: true });
  return exitCode === 0 ? [] : [output.trim()];
}

const steps: Readonly<Record<string, () => Problems | Promise<Problems>>> = {
  "format and lint": () => {
    const mode = fix ? ["check", "--write"] : ["ci"];
    return tool("@biomejs/biome", "biome", [...mode, "--error-on-warnings", "--colors=off", "--max-diagnostics=100"]);
  },
  types: () => tool("typescript", "tsc", ["--project", "tsconfig.json", "--pretty", "false"]),
  boundaries: () => boundaryProblems(readModuleGraph()),
  cycles: () => importCycles(readModuleGraph()),
  "documented exports": undocumentedPackageExports,
  "README types": readmeTypeProblems,
  "unused code": () => tool("knip", "knip", ["--no-progress", "--no-config-hints"]),
  changesets: () => changesetProblems(),
  "bundle size": () => oversizedBundles(),
  publint: publintProblems,
  attw: attwProblems,
};

const {
  positionals: names,
  values: { fix },
} = readCommandLine({
  name: "check",
  about: "Everything that can be said about the code without running it.",
  options: { fix: { type: "boolean", default: false, help: "let the formatter and linter repair what they can" } },
  words: `some of the steps: ${Object.keys(steps).join(", ")}`,
});
const unknown = names.find((name) => !(name in steps));
if (unknown !== undefined) {
  fail(`check: no such step, got ${unknown}, expected some of ${Object.keys(steps).join(", ")}`);
}

const failed: string[] = [];
for (const name of names.length > 0 ? names : Object.keys(steps)) {
  const start = performance.now();
  const problems = await Promise.resolve()
    .then(steps[name])
    .catch((error: unknown) => [error instanceof Error ? (error.stack ?? error.message) : String(error)]);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${problems.length === 0 ? "✓" : "✗"} ${name} (${seconds} s)`);
  for (const problem of problems) console.log(problem.replace(/^/gm, "    "));
  if (problems.length > 0) failed.push(name);
}

mkdirSync(join(root, ".cache"), { recursive: true });
writeFileSync(join(root, ".cache", "check-results.json"), `${JSON.stringify({ failed })}\n`);
console.log(failed.length === 0 ? "all checks passed" : `failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
