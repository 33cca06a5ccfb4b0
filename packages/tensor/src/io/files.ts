// Files that are whole or absent. Everything of Node is imported where a path is used, so browsers can load this.
// What is written goes to the disk under another name first and is renamed into its place at the end.

import { TensorError } from "../errors.js";

/** Length and content hash of a written file. */
export type FileDigest = { readonly byteLength: number; readonly sha256: string };

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

type Node = {
  readonly fs: typeof import("node:fs/promises");
  readonly path: typeof import("node:path");
  readonly crypto: typeof import("node:crypto");
};

/** Node's modules. @throws TensorError `unsupported` where there are none */
export async function nodeModules(op: string): Promise<Node> {
  try {
    const [fs, path, crypto] = await Promise.all([
      import("node:fs/promises"),
      import("node:path"),
      import("node:crypto"),
    ]);
    return { fs, path, crypto };
  } catch (cause) {
    throw new TensorError("unsupported", `${op}: a path needs Node's file system; use bytes here`, { op }, cause);
  }
}

/** The `file` error for a failed access to `path`; errors of the toolkit and of its callers pass. */
export function fileError(op: string, path: string, cause: unknown): unknown {
  const code = (cause as { readonly code?: unknown } | undefined)?.code;
  if (TensorError.is(cause) || typeof code !== "string") return cause;
  const message = `${op}: ${reasons[code] ?? (cause as Error).message}, got ${path}`;
  return new TensorError("file", message, { op, path, reason: code }, cause);
}

/** Writes chunks to a new file and flushes it to the disk. */
export async function writeDurably(
  op: string,
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<FileDigest> {
  const { fs, crypto } = await nodeModules(op);
  const hash = crypto.createHash("sha256");
  let byteLength = 0;
  const file = await fs.open(path, "w");
  try {
    for await (const chunk of chunks) {
      await file.writeFile(chunk);
      hash.update(chunk);
      byteLength += chunk.byteLength;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { byteLength, sha256: hash.digest("hex") };
}

/** Length and hash of a file's content. */
export async function digestFile(op: string, path: string): Promise<FileDigest> {
  const { fs, crypto } = await nodeModules(op);
  const hash = crypto.createHash("sha256");
  let byteLength = 0;
  const file = await fs.open(path, "r");
  try {
    const chunk = new Uint8Array(1 << 20);
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, chunk.length);
      if (bytesRead === 0) break;
      hash.update(chunk.subarray(0, bytesRead));
      byteLength += bytesRead;
    }
  } finally {
    await file.close();
  }
  return { byteLength, sha256: hash.digest("hex") };
}

/**
 * Writes a file so that a crash at any moment leaves the old content or the new one.
 * @throws TensorError `file` when it cannot be written, `state` while another call writes it
 */
export async function replaceFile(op: string, path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const { fs, path: paths } = await nodeModules(op);
  await exclusively(op, paths.resolve(path), async () => {
    const temporary = `${path}.tmp`;
    try {
      await writeDurably(op, temporary, chunks);
      await fs.rename(temporary, path);
      await syncFolder(op, paths.dirname(path));
    } catch (error) {
      await fs.rm(temporary, { force: true });
      throw fileError(op, path, error);
    }
  });
}

/**
 * Puts a folder that `fill` has written in the place of another, as a whole. A crash between the two renames leaves the
 * old one beside its place, where `folderInForce` finds it.
 * @throws TensorError `file` when it cannot be written, `state` while another call writes it; the old folder then stays
 */
export async function replaceFolder(op: string, path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const { fs, path: paths } = await nodeModules(op);
  const place = paths.resolve(path);
  const [fresh, old] = [`${place}.new`, `${place}.old`];
  await exclusively(op, place, async () => {
    try {
      if (!(await exists(place)) && (await exists(old))) await fs.rename(old, place);
      await fs.rm(fresh, { recursive: true, force: true });
      await fs.mkdir(fresh, { recursive: true });
      await fill(fresh);
      await syncFolder(op, fresh);
      await fs.rm(old, { recursive: true, force: true });
      if (await exists(place)) await fs.rename(place, old);
      await fs.rename(fresh, place);
      await syncFolder(op, paths.dirname(place));
      await fs.rm(old, { recursive: true, force: true });
    } catch (error) {
      if (!(await exists(place)) && (await exists(old))) await fs.rename(old, place);
      await fs.rm(fresh, { recursive: true, force: true });
      throw fileError(op, path, error);
    }
  });
}

/** The folder itself, or the old one that an interrupted `replaceFolder` has left beside its place. */
export async function folderInForce(path: string): Promise<string> {
  return !(await exists(path)) && (await exists(`${path}.old`)) ? `${path}.old` : path;
}

/** Whether a file or folder is there. */
async function exists(path: string): Promise<boolean> {
  const { fs } = await nodeModules("exists");
  return fs.stat(path).then(
    () => true,
    () => false,
  );
}

const busy = new Set<string>();

/** Two writers at one place would mix their files. */
async function exclusively(op: string, path: string, write: () => Promise<void>): Promise<void> {
  if (busy.has(path)) {
    throw new TensorError("state", `${op}: an earlier call still writes here; await it first, got ${path}`, {
      op,
      path,
    });
  }
  busy.add(path);
  try {
    await write();
  } finally {
    busy.delete(path);
  }
}

async function syncFolder(op: string, folder: string): Promise<void> {
  // Windows cannot open a folder; its file system orders renames by itself.
  if (process.platform === "win32") return;
  const { fs } = await nodeModules(op);
  const handle = await fs.open(folder, "r");
  await handle.sync().finally(() => handle.close());
}
