// Files that are whole or absent: written beside their place, flushed to the disk, then renamed into it.
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { TensorError } from "@torchium/tensor";

/** What `stat`, `open` and their like report, in words. */
const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "no permission",
  EPERM: "not permitted",
  ENOSPC: "no space left on the disk",
  EROFS: "the file system is read-only",
  EISDIR: "it is a folder, expected a file",
  ENOTDIR: "part of the path is a file, expected a folder",
};

/** The `file` error for a failed access to `path`: `op: reason, got PATH`. */
export function fileError(op: string, path: string, cause: unknown): TensorError {
  if (TensorError.is(cause)) return cause;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? "";
  const reason = reasons[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new TensorError("file", `${op}: ${reason}, got ${path}`, { op, path, reason: code }, cause);
}

/**
 * Writes a file so that a reader, or a crash at any moment, finds the old content or the new one, never a part.
 * @throws TensorError `file` when it cannot be written.
 */
export async function writeFileAtomic(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, "w");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw fileError(`write ${basename(path)}`, path, error);
  }
}

/**
 * Replaces a folder as a whole: `fill` writes into a new one, which then takes the old one's place. After a crash
 * `recoverFolder` puts back the old one where the exchange was cut in two.
 * @throws TensorError `file` when it cannot be written; whatever `fill` throws. The old folder then stays.
 */
export async function replaceFolder(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const [fresh, old] = [`${path}.new`, `${path}.old`];
  try {
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh, { recursive: true });
    await fill(fresh);
    await syncFiles(fresh);
    await rm(old, { recursive: true, force: true });
    if (await exists(path)) await rename(path, old);
    await rename(fresh, path);
    await syncFolder(dirname(path));
    await rm(old, { recursive: true, force: true });
  } catch (error) {
    await recoverFolder(path);
    await rm(fresh, { recursive: true, force: true });
    throw isSystemError(error) ? fileError(`write ${basename(path)}`, path, error) : error;
  }
}

/** Completes a `replaceFolder` that a crash interrupted between its two renames. */
export async function recoverFolder(path: string): Promise<void> {
  const old = `${path}.old`;
  if (!(await exists(path)) && (await exists(old))) await rename(old, path);
}

/**
 * A JSON file's value.
 * @throws TensorError `file` when it cannot be read, `format` when it is not JSON.
 */
export async function readJson(op: string, path: string): Promise<unknown> {
  const content = await readFile(path, "utf8").catch((error: unknown) => {
    throw fileError(op, path, error);
  });
  try {
    return JSON.parse(content) as unknown;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TensorError("format", `${op}: ${path} is not JSON, ${reason}`, { op, path }, error);
  }
}

/** Whether a file or folder is there. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}

async function syncFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    if (!(await stat(path)).isFile()) continue;
    const file = await open(path, "r+");
    await file.sync().finally(() => file.close());
  }
}

async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder; its file system orders renames by itself.
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}
