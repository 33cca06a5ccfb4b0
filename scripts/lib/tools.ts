// Runs the installed command-line tools through Node itself: no shell, the same on every system.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { readManifest, root } from "./repository.js";

/** How a tool ended, and what it printed when that was captured. */
export interface ToolResult {
  readonly exitCode: number;
  readonly output: string;
}

/** The script behind the command `tool` of the installed package `packageName`. */
export function toolScript(packageName: string, tool: string): string {
  const folder = join(root, "node_modules", packageName);
  const { bin } = readManifest(folder);
  const script = typeof bin === "string" ? bin : bin?.[tool];
  if (script === undefined) throw new Error(`${packageName} has no command named ${tool}`);
  return join(folder, script);
}

/** Runs a Node script to its end; its output goes to the terminal, or into the result with `capture`. */
export function runNode(
  script: string,
  args: readonly string[],
  { capture = false, cwd = root }: { readonly capture?: boolean; readonly cwd?: string } = {},
): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const stdio = capture ? "pipe" : "inherit";
    const child = spawn(process.execPath, [script, ...args], { cwd, stdio: ["ignore", stdio, stdio] });
    let output = "";
    const append = (text: string) => {
      output += text;
    };
    child.stdout?.setEncoding("utf8").on("data", append);
    child.stderr?.setEncoding("utf8").on("data", append);
    // A terminal tells the whole group; anyone else tells this process alone.
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
    const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
    for (const signal of signals) process.on(signal, pass);
    child.on("error", reject);
    child.on("close", (code) => {
      for (const signal of signals) process.off(signal, pass);
      resolve({ exitCode: code ?? 1, output });
    });
  });
}

/** Builds every published package (turbo remembers what has not changed). */
export function buildPackages({ capture = false } = {}): Promise<ToolResult> {
  const args = ["run", "build", "--output-logs=errors-only", "--log-order=grouped"];
  return runNode(toolScript("turbo", "turbo"), args, { capture });
}

/** The pnpm that scripts/run.mjs has fetched. */
export function pnpmScript(): string {
  const version = /^pnpm@([^+]+)/.exec(readManifest(root).packageManager ?? "")?.[1];
  return join(root, ".tools", `pnpm-${version}`, "node_modules", "pnpm", "bin", "pnpm.cjs");
}

/** Packs the built package in `folder` (relative to the root) as for publishing; gives the tarball's path. */
export async function packPackage(folder: string, destination: string): Promise<string> {
  const args = ["pack", "--json", "--pack-destination", destination];
  const { exitCode, output } = await runNode(pnpmScript(), args, { capture: true, cwd: join(root, folder) });
  if (exitCode !== 0) throw new Error(`pnpm pack failed in ${folder}:\n${output}`);
  return (JSON.parse(output) as { readonly filename: string }).filename;
}
