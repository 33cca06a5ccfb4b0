// What a user would install: every package packed as for publishing, then judged by publint and attw.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { publishedPackages, readManifest, root } from "../lib/repository.js";
import { buildPackages, packPackage, runNode, toolScript } from "../lib/tools.js";

/** Builds and packs every published package into a temporary folder, and gives what `judge` says of each tarball. */
async function judgeTarballs(judge: (tarball: string, folder: string) => Promise<readonly string[]>) {
  const built = await buildPackages({ capture: true });
  if (built.exitCode !== 0) return [built.output];
  const cache = join(root, ".cache");
  mkdirSync(cache, { recursive: true });
  const destination = mkdtempSync(join(cache, "packed-"));
  try {
    const problems: string[] = [];
    for (const { folder } of publishedPackages()) {
      problems.push(...(await judge(await packPackage(folder, destination), folder)));
    }
    return problems;
  } finally {
    rmSync(destination, { recursive: true, force: true });
  }
}

/** publint's complaints and suggestions. */
export function publintProblems(): Promise<readonly string[]> {
  return judgeTarballs(async (tarball, folder) => {
    const bytes = readFileSync(tarball);
    const archive = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    const { messages } = await publint({ strict: true, pack: { tarball: archive } });
    const manifest = { ...readManifest(join(root, folder)) };
    return messages.map((message) => `${folder}: ${formatMessage(message, manifest) ?? message.code}`);
  });
}

/** "Are the types wrong": types and code resolve alike for every kind of ESM user. */
export function attwProblems(): Promise<readonly string[]> {
  return judgeTarballs(async (tarball, folder) => {
    const args = [tarball, "--profile", "esm-only", "--no-definitely-typed", "--format", "ascii", "--no-color"];
    const { exitCode, output } = await runNode(toolScript("@arethetypeswrong/cli", "attw"), args, { capture: true });
    return exitCode === 0 ? [] : [`${folder}:\n${output.trim()}`];
  });
}
