// Checkpoints: a folder of safetensors files and JSON that is written and replaced as a whole.
// `checkpoint.json` lists every other file with its length and hash, so damage anywhere is noticed before anything is used.

import { argumentError, TensorError } from "../errors.js";
import { Generator, type GeneratorState } from "../random.js";
import type { Tensor } from "../tensor.js";
import { type CheckpointValue, decodeTree, type EncodedTree, encodeTree } from "./checkpoint-tree.js";
import {
  digestFile,
  type FileDigest,
  fileError,
  folderInForce,
  nodeModules,
  replaceFolder,
  writeDurably,
} from "./files.js";
import { type LoadOptions, loadSafetensors, safetensorsChunks } from "./safetensors.js";

/** What has a state to save and to restore: modules, optimizers, schedules, data loaders. */
export type Stateful = {
  stateDict(): unknown;
  loadStateDict(state: never): unknown;
};

/** A part of a checkpoint: something with a state, a generator, or a plain value with tensors in it. */
export type CheckpointPart = Stateful | Generator | CheckpointValue;

/** The parts of a checkpoint as they are loaded: state dicts and plain values. */
export type Checkpoint = Readonly<Record<string, CheckpointValue>>;

/** How a checkpoint is loaded. */
export type LoadCheckpointOptions = LoadOptions & {
  /** Objects that take over the part of their name, such as `{ model, optimizer }`. */
  readonly into?: Readonly<Record<string, Stateful | Generator>>;
};

type Manifest = { readonly files: Readonly<Record<string, FileDigest>> };

const formatName = "torchium-checkpoint";
const formatVersion = 1;
const manifestFile = "checkpoint.json";
const stateFile = "state.json";
const tensorFile = (part: string): string => `${part}.safetensors`;

/**
 * Saves a checkpoint in the place of the one before: `{ model, optimizer, scheduler, generator, … }`, where each part is
 * something with `stateDict()`, a Generator, or a plain value. The folder is replaced as a whole; after a crash at any
 * moment the old checkpoint or the new one can be loaded.
 * @throws TensorError `file` when it cannot be written or the folder holds other files, `argument` for a value that
 * cannot be saved, `state` when a tensor is updated meanwhile; the checkpoint before then stays
 */
export async function saveCheckpoint(folder: string, parts: Readonly<Record<string, CheckpointPart>>): Promise<void> {
  const op = "saveCheckpoint";
  checkFolderName(op, folder);
  const encoded = encodeParts(op, parts);
  // Made now, so that an update from here on is noticed.
  const contents = encoded.map(({ name, json, tensors }) => {
    const count = Object.keys(tensors).length;
    return { name, json, chunks: count > 0 ? safetensorsChunks(op, tensors, {}) : undefined };
  });
  await refuseForeignFolder(op, folder);
  await replaceFolder(op, folder, async (fresh) => {
    const files: Record<string, FileDigest> = {};
    for (const { name, chunks } of contents) {
      if (chunks) files[tensorFile(name)] = await writeDurably(op, `${fresh}/${tensorFile(name)}`, chunks);
    }
    const state = Object.fromEntries(contents.map(({ name, json }) => [name, json]));
    files[stateFile] = await writeDurably(op, `${fresh}/${stateFile}`, jsonBytes(state));
    const manifest = { format: formatName, version: formatVersion, files };
    await writeDurably(op, `${fresh}/${manifestFile}`, jsonBytes(manifest));
  });
}

/**
 * Loads what `saveCheckpoint` saved, part by part; `into` also hands each of its objects its part.
 * @throws TensorError `file` when there is no checkpoint, `format` when any of its files is damaged or a part of `into`
 * is missing; nothing has been restored then
 */
export async function loadCheckpoint(folder: string, options: LoadCheckpointOptions = {}): Promise<Checkpoint> {
  const op = "loadCheckpoint";
  checkFolderName(op, folder);
  const place = await folderInForce(folder);
  const { files } = checkManifest(await readJson(op, `${place}/${manifestFile}`), `${place}/${manifestFile}`);
  for (const [name, digest] of Object.entries(files)) await checkFile(op, `${place}/${name}`, digest);
  const where = `${place}/${stateFile}`;
  const state = (await readJson(op, where)) as Readonly<Record<string, unknown>>;
  const parts: [string, CheckpointValue][] = [];
  for (const [name, json] of Object.entries(state)) {
    const hasTensors = Object.hasOwn(files, tensorFile(name));
    const tensors: Record<string, Tensor> = hasTensors
      ? await loadSafetensors(`${place}/${tensorFile(name)}`, options)
      : {};
    parts.push([name, decodeTree(json, tensors, where)]);
  }
  const checkpoint: Checkpoint = Object.fromEntries(parts);
  await restore(checkpoint, options.into ?? {}, place);
  return checkpoint;
}

/** The parts as JSON and tensors. @throws TensorError `argument` for a name or a value that cannot be saved */
export function encodeParts(
  op: string,
  parts: Readonly<Record<string, CheckpointPart>>,
): readonly ({ readonly name: string } & EncodedTree)[] {
  checkPartNames(op, Object.keys(parts));
  return Object.entries(parts).map(([name, part]) => ({ name, ...encodeTree(op, stateOf(part), name) }));
}

/** Hands each object of `into` its part. @throws TensorError `format` when one is missing; nothing has been restored then */
export async function restore(checkpoint: Checkpoint, into: NonNullable<LoadCheckpointOptions["into"]>, place: string) {
  for (const name of Object.keys(into)) {
    if (Object.hasOwn(checkpoint, name)) continue;
    const found = Object.keys(checkpoint).join(", ");
    const message = `loadCheckpoint: the checkpoint has no part ${JSON.stringify(name)}, got ${found}, in ${place}`;
    throw new TensorError("format", message, { path: place, part: name });
  }
  for (const [name, target] of Object.entries(into)) {
    const state = checkpoint[name];
    if (target instanceof Generator) target.state = state as GeneratorState;
    else await target.loadStateDict(state as never);
  }
}

function stateOf(part: CheckpointPart): unknown {
  if (part instanceof Generator) return part.state;
  const { stateDict } = (part ?? {}) as Partial<Stateful>;
  return typeof stateDict === "function" ? (part as Stateful).stateDict() : part;
}

function checkFolderName(op: string, folder: unknown): void {
  if (typeof folder !== "string" || folder === "") throw argumentError(op, "the folder", "a path", folder);
}

function checkPartNames(op: string, names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (!/^[\w-]+$/.test(name)) throw argumentError(op, "the name of a part", "letters, digits, _ and -", name);
    // Some file systems do not tell upper from lower case.
    if (seen.has(name.toLowerCase())) throw argumentError(op, "the name of a part", "different from the others", name);
    seen.add(name.toLowerCase());
  }
}

/** Replacing a folder removes what is in it, so it must be ours. */
async function refuseForeignFolder(op: string, folder: string): Promise<void> {
  const { fs } = await nodeModules(op);
  const names = await fs.readdir(folder).catch((error: unknown): string[] => {
    if ((error as { readonly code?: unknown }).code === "ENOENT") return [];
    throw fileError(op, folder, error);
  });
  if (names.length === 0 || names.includes(manifestFile)) return;
  const message = `${op}: the folder holds files that are no checkpoint, got ${names[0]} in ${folder}, expected a new or empty folder`;
  throw new TensorError("file", message, { op, path: folder, found: names[0] });
}

async function checkFile(op: string, path: string, expected: FileDigest): Promise<void> {
  const got = await digestFile(op, path).catch((error: unknown) => {
    throw fileError(op, path, error);
  });
  if (got.byteLength !== expected.byteLength) {
    const message = `${op}: the file has the wrong length, got ${got.byteLength} bytes, expected ${expected.byteLength}, in ${path}`;
    throw new TensorError("format", message, { op, path });
  }
  if (got.sha256 !== expected.sha256) {
    const message = `${op}: the file is damaged, got SHA-256 ${got.sha256}, expected ${expected.sha256}, in ${path}`;
    throw new TensorError("format", message, { op, path });
  }
}

function checkManifest(value: unknown, path: string): Manifest {
  const { format, version, files } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (format !== formatName || version !== formatVersion) {
    const got = `${JSON.stringify(format)} version ${JSON.stringify(version)}`;
    const message = `loadCheckpoint: no checkpoint of this version, got ${got}, expected "${formatName}" version ${formatVersion}, in ${path}`;
    throw new TensorError("format", message, { path });
  }
  const listed = typeof files === "object" && files !== null ? Object.entries(files) : [];
  const sound = listed.every(([name, digest]) => /^[\w-]+\.(json|safetensors)$/.test(name) && isDigest(digest));
  if (!sound || !listed.some(([name]) => name === stateFile)) {
    throw new TensorError("format", `loadCheckpoint: the list of files is damaged, in ${path}`, { path });
  }
  return { files: files as Manifest["files"] };
}

const isDigest = (value: unknown): boolean => {
  const { byteLength, sha256 } = (value ?? {}) as Partial<FileDigest>;
  return Number.isSafeInteger(byteLength) && typeof sha256 === "string";
};

const jsonBytes = (value: unknown): Uint8Array[] => [new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)];

async function readJson(op: string, path: string): Promise<unknown> {
  const { fs } = await nodeModules(op);
  const text = await fs.readFile(path, "utf8").catch((error: unknown) => {
    throw fileError(op, path, error);
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TensorError("format", `${op}: the file is not JSON, ${reason}, in ${path}`, { op, path }, cause);
  }
}
