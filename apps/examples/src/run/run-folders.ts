// Where runs are kept when `--out` does not say: `runs/<example>-<date>-<time>` in the current folder.
import { readdir, stat } from "node:fs/promises";
import { isAbsolute, join, relative } from "node:path";
import { TensorError } from "@torchium/tensor";
import { exampleOf } from "./configuration.js";
import { exists } from "./files.js";

const runsFolder = "runs";

/** A folder name for a new run that is not taken yet; nothing is created. */
export async function newRunFolder(cwd: string, example: string, now: Date): Promise<string> {
  const stamp = now.toISOString().slice(0, 19).replaceAll(":", "").replace("T", "-");
  const base = join(cwd, runsFolder, `${example}-${stamp}`);
  let folder = base;
  for (let copy = 2; await exists(folder); copy++) folder = `${base}-${copy}`;
  return folder;
}

/**
 * The run of an example, of those in `runs/` whatever their names, whose checkpoint was saved last.
 * @throws TensorError `file` when there is none.
 */
export async function latestRun(cwd: string, example: string): Promise<string> {
  const root = join(cwd, runsFolder);
  const names = await readdir(root).catch(() => []);
  let latest: { readonly folder: string; readonly savedAt: number } | undefined;
  for (const name of names) {
    const folder = join(root, name);
    const checkpoint = await stat(join(folder, "checkpoint")).catch(() => undefined);
    if (checkpoint === undefined || (await exampleOf(folder)) !== example) continue;
    if (latest === undefined || checkpoint.mtimeMs > latest.savedAt) latest = { folder, savedAt: checkpoint.mtimeMs };
  }
  if (latest !== undefined) return latest.folder;
  const message = `--from: no trained ${example} in ${root}, expected --from DIR or a run made by training first`;
  throw new TensorError("file", message, { op: "--from", example });
}

/** A path as a person would type it from `cwd` into a shell. */
export function shellPath(path: string, cwd: string): string {
  const near = relative(cwd, path);
  const shown = near === "" || near.startsWith("..") || isAbsolute(near) ? path : near;
  if (/^[\w@%+=:,./\\-]+$/.test(shown)) return shown;
  return process.platform === "win32" ? `"${shown}"` : `'${shown.replaceAll("'", "'\\''")}'`;
}
