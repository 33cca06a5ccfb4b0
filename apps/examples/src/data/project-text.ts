// The text that the language model learns from when no other is given: this project's own documentation and
// source. It is read at run time from the checkout, so nothing is downloaded and nothing is committed twice.
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { TensorError } from "@torchium/tensor";
import { exists } from "../run/files.js";

/** Where text is looked for. Fixed folders, so that what a person keeps beside them changes nothing. */
const folders = ["docs", "packages", "apps", "scripts"] as const;

const skipped = /^(node_modules|dist|coverage|runs|goldens|\..*)$/;

/** Documentation and source, but not tests: their tables of numbers teach no language. */
const wanted = /(\.md|(?<!\.test|\.d)\.ts)$/;

/** Settings of `projectText`. */
export interface ProjectTextOptions {
  /** The project's folder; by default the checkout that this file is in. */
  readonly root?: string;
  /** The text ends after this many characters. */
  readonly maxLength?: number;
}

/**
 * The project's text: documentation first when not all fits, then files in an order that mixes the folders, so
 * that the end of the text, which is held out, is like the rest. The same checkout gives the same text.
 * @throws TensorError `file` when there is no checkout to read.
 */
export async function projectText({ root, maxLength = 1_000_000 }: ProjectTextOptions = {}): Promise<string> {
  const home = root ?? (await findRoot(dirname(fileURLToPath(import.meta.url))));
  const files = (await listFiles(home)).map((path) => ({ path, order: hash(path), isDocument: path.endsWith(".md") }));
  files.sort((a, b) => Number(b.isDocument) - Number(a.isDocument) || a.order - b.order || (a.path < b.path ? -1 : 1));

  const chosen: { readonly order: number; readonly text: string }[] = [];
  let room = maxLength;
  for (const { path, order } of files) {
    if (room <= 0) break;
    // Line ends as git stores them, whatever the checkout made of them.
    const text = `${(await readFile(join(home, path), "utf8")).replaceAll("\r\n", "\n").trim()}\n\n`.slice(0, room);
    room -= text.length;
    chosen.push({ order, text });
  }
  if (chosen.length === 0) throw notFound(home);
  return chosen
    .sort((a, b) => a.order - b.order)
    .map(({ text }) => text)
    .join("");
}

async function findRoot(start: string): Promise<string> {
  for (let folder = start; ; folder = dirname(folder)) {
    if (await exists(join(folder, "pnpm-workspace.yaml"))) return folder;
    if (dirname(folder) === folder) throw notFound(start);
  }
}

function notFound(folder: string): TensorError {
  const message = `project text: no source or documentation found, got ${folder}, expected a checkout (or --data FILE)`;
  return new TensorError("file", message, { folder });
}

/** Paths from `root`, with forward slashes on every system, so that their hashes agree. */
async function listFiles(root: string): Promise<string[]> {
  const top = (await readdir(root)).filter((name) => name.endsWith(".md"));
  const below = await Promise.all(folders.map((folder) => walk(join(root, folder))));
  return [...top, ...below.flat().map((path) => relative(root, path).split(sep).join("/"))];
}

async function walk(folder: string): Promise<string[]> {
  if (!(await exists(folder))) return [];
  const entries = await readdir(folder, { withFileTypes: true });
  const found = await Promise.all(
    entries.map((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return skipped.test(entry.name) ? [] : walk(path);
      return entry.isFile() && wanted.test(entry.name) ? [path] : [];
    }),
  );
  return found.flat();
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
