// The header of a safetensors file: eight bytes of length, then JSON that says where each tensor lies.
// Reading trusts nothing: names, shapes and offsets must describe the rest of the file exactly, without gaps or overlaps.
// https://huggingface.co/docs/safetensors/index#format

import type { DType } from "../dtype.js";
import { TensorError } from "../errors.js";
import { type Shape, sizeOf } from "../shape.js";
import { fileTypes, writtenAs } from "./safetensors-dtypes.js";

/** A tensor's place in the file; `start` and `end` count bytes from the end of the header. */
export type Entry = {
  readonly name: string;
  /** The file's own name of the element type, such as `BF16`. */
  readonly type: string;
  readonly shape: Shape;
  readonly start: number;
  readonly end: number;
};

/** What a header says. */
export type Header = {
  /** In the order of their bytes. */
  readonly entries: readonly Entry[];
  readonly metadata: Readonly<Record<string, string>>;
};

/** Bytes before the JSON. */
export const prefixBytes = 8;

/** The longest JSON that is read, as in the format's reference implementation. */
const maxHeaderBytes = 100_000_000;

const metadataKey = "__metadata__";

/** The `format` error about the file or bytes called `where`. */
export const formatError = (where: string, why: string): TensorError =>
  new TensorError("format", `loadSafetensors: ${why}, in ${where}`, { path: where });

/**
 * The length of the JSON, from the first eight bytes.
 * @throws TensorError `format` when the file cannot hold that much
 */
export function headerLength(prefix: Uint8Array, fileBytes: number, where: string): number {
  if (fileBytes < prefixBytes) {
    throw formatError(where, `the file is too short for a header, got ${fileBytes} bytes, expected at least 8`);
  }
  const length = Number(new DataView(prefix.buffer, prefix.byteOffset, prefixBytes).getBigUint64(0, true));
  if (length > maxHeaderBytes) {
    throw formatError(
      where,
      `this is no safetensors file: the header is too long, got ${length} bytes, expected at most ${maxHeaderBytes}`,
    );
  }
  if (length > fileBytes - prefixBytes) {
    throw formatError(
      where,
      `the file ends inside its header, got ${fileBytes} bytes, expected ${prefixBytes + length}`,
    );
  }
  return length;
}

/** Reads the JSON of a file with `dataBytes` bytes after it. @throws TensorError `format` */
export function parseHeader(json: Uint8Array, dataBytes: number, where: string): Header {
  const root = parseObject(json, where);
  const entries: Entry[] = [];
  let metadata: Readonly<Record<string, string>> = {};
  for (const [name, value] of Object.entries(root)) {
    if (name === metadataKey) metadata = checkMetadata(value, where);
    else entries.push(checkEntry(name, value, where));
  }
  entries.sort((a, b) => a.start - b.start || a.end - b.end);
  let at = 0;
  for (const { name, start, end } of entries) {
    const problem = start < at ? "overlaps the tensor before it" : "leaves a gap before it";
    if (start !== at) throw formatError(where, `tensor ${quote(name)} ${problem}, got start ${start}, expected ${at}`);
    at = end;
  }
  if (at > dataBytes) {
    throw formatError(where, `the file is truncated, got ${dataBytes} bytes of data, expected ${at}`);
  }
  if (at < dataBytes) {
    throw formatError(where, `the file has bytes that belong to no tensor, got ${dataBytes}, expected ${at}`);
  }
  return { entries, metadata };
}

/** Where tensors go, widest elements first, so that each is aligned to its elements. */
export function planEntries(tensors: Readonly<Record<string, { dtype: DType; shape: Shape }>>): Entry[] {
  const byWidth = Object.entries(tensors).sort(
    ([, a], [, b]) => writtenAs[b.dtype].byteLength - writtenAs[a.dtype].byteLength,
  );
  let at = 0;
  return byWidth.map(([name, { dtype, shape }]): Entry => {
    const start = at;
    at += sizeOf(shape) * writtenAs[dtype].byteLength;
    return { name, type: writtenAs[dtype].name, shape, start, end: at };
  });
}

/** Length and JSON, padded with spaces so that the data after it is aligned to 8 bytes. */
export function encodeHeader({ entries, metadata }: Header): Uint8Array {
  const root = Object.fromEntries(
    entries.map(({ name, type, shape, start, end }) => [name, { dtype: type, shape, data_offsets: [start, end] }]),
  );
  const withMetadata = Object.keys(metadata).length > 0 ? { [metadataKey]: metadata, ...root } : root;
  const json = new TextEncoder().encode(JSON.stringify(withMetadata));
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(prefixBytes + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, prefixBytes);
  return bytes;
}

/** @throws TensorError `argument` unless names and metadata can be written */
export function checkWritable(op: string, names: readonly string[], metadata: Readonly<Record<string, string>>): void {
  if (names.includes(metadataKey)) {
    throw new TensorError("argument", `${op}: a tensor cannot be named ${metadataKey}, which names the metadata`, {
      op,
    });
  }
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value === "string") continue;
    const message = `${op}: metadata ${quote(key)} must be a string, got ${typeof value}`;
    throw new TensorError("argument", message, { op, field: key, got: value });
  }
}

const quote = (name: string): string => JSON.stringify(name);

function parseObject(json: Uint8Array, where: string): Readonly<Record<string, unknown>> {
  let root: unknown;
  try {
    root = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw formatError(where, `the header is not JSON (${reason})`);
  }
  if (!isObject(root)) throw formatError(where, "the header is not a JSON object");
  return root;
}

function checkMetadata(value: unknown, where: string): Readonly<Record<string, string>> {
  if (isObject(value) && Object.values(value).every((x) => typeof x === "string")) {
    return value as Readonly<Record<string, string>>;
  }
  throw formatError(where, `${metadataKey} must map names to strings, got ${JSON.stringify(value)}`);
}

function checkEntry(name: string, value: unknown, where: string): Entry {
  const fail = (field: string, got: unknown, expected: string): TensorError =>
    formatError(where, `${field} of tensor ${quote(name)} is wrong, got ${JSON.stringify(got)}, expected ${expected}`);
  if (!isObject(value)) throw fail("description", value, "an object");
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(fileTypes, dtype)) {
    throw fail("dtype", dtype, `one of ${Object.keys(fileTypes).join(", ")}`);
  }
  if (!isCounts(shape) || !Number.isSafeInteger(sizeOf(shape))) throw fail("shape", shape, "sizes of at least 0");
  if (!isCounts(offsets) || offsets.length !== 2) throw fail("data_offsets", offsets, "two whole numbers");
  const [start, end] = offsets as readonly [number, number];
  const byteLength = sizeOf(shape) * fileTypes[dtype]!.byteLength;
  if (end - start !== byteLength) throw fail("data_offsets", offsets, `${byteLength} bytes, as the shape says`);
  return { name, type: dtype, shape, start, end };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isCounts = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((x) => Number.isSafeInteger(x) && x >= 0);
