// The state of a training run as JSON: tensors become references to names in a safetensors file, and the numbers that
// JSON lacks become words. Decoding gives back the same values, to the bit.

import { TensorError } from "../errors.js";
import { Tensor } from "../tensor.js";

/** What a checkpoint holds: JSON with tensors in it. Properties that are undefined are left out. */
export type CheckpointValue =
  | null
  | boolean
  | number
  | string
  | Tensor
  | readonly CheckpointValue[]
  | { readonly [key: string]: CheckpointValue };

/** JSON, and the tensors it refers to. */
export type EncodedTree = { readonly json: unknown; readonly tensors: Readonly<Record<string, Tensor>> };

// A key with `$` in front is ours; the same key of a user gets one more.
const tensorKey = "$tensor";
const numberKey = "$number";

/** Takes a tree apart. `path` names its root in errors. @throws TensorError `argument` for what a file cannot hold */
export function encodeTree(op: string, root: unknown, path: string): EncodedTree {
  const tensors = new Map<string, Tensor>();
  const open = new Set<object>();
  const refuse = (at: readonly string[], what: string): TensorError =>
    new TensorError(
      "argument",
      `${op}: ${[path, ...at].join(".")} cannot be saved, got ${what}, expected tensors, numbers, strings, booleans, null, arrays and plain objects`,
      { op, path: [path, ...at] },
    );
  const encode = (value: unknown, at: readonly string[]): unknown => {
    if (value === null || typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value === "number") return encodeNumber(value);
    if (typeof value !== "object") throw refuse(at, typeof value);
    if (value instanceof Tensor) {
      const name = freeName(at.length === 0 ? path : at.join("."), tensors);
      tensors.set(name, value);
      return { [tensorKey]: name };
    }
    if (open.has(value)) throw refuse(at, "an object inside itself");
    open.add(value);
    const encoded = Array.isArray(value) ? value.map((x, i) => encode(x, [...at, `${i}`])) : encodeObject(value, at);
    open.delete(value);
    return encoded;
  };
  const encodeObject = (value: object, at: readonly string[]): unknown => {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      throw refuse(at, `an instance of ${value.constructor?.name ?? "a class"}`);
    }
    const given = Object.entries(value).filter(([, x]) => x !== undefined);
    return Object.fromEntries(given.map(([key, x]) => [escapeKey(key), encode(x, [...at, key])]));
  };
  return { json: encode(root, []), tensors: Object.fromEntries(tensors) };
}

/** Puts a tree together again. @throws TensorError `format` when a tensor it names is not there */
export function decodeTree(json: unknown, tensors: Readonly<Record<string, Tensor>>, where: string): CheckpointValue {
  if (Array.isArray(json)) return json.map((x) => decodeTree(x, tensors, where));
  if (typeof json !== "object" || json === null) return json as CheckpointValue;
  const entries = Object.entries(json);
  const [key, value] = entries[0] ?? [];
  if (key === numberKey) return decodeNumber(value, where);
  if (key === tensorKey) {
    if (typeof value === "string" && Object.hasOwn(tensors, value)) return tensors[value]!;
    const message = `loadCheckpoint: a tensor is missing, got ${JSON.stringify(value)}, in ${where}`;
    throw new TensorError("format", message, { path: where, name: value });
  }
  return Object.fromEntries(entries.map(([name, x]) => [unescapeKey(name), decodeTree(x, tensors, where)]));
}

const escapeKey = (key: string): string => (key.startsWith("$") ? `$${key}` : key);
const unescapeKey = (key: string): string => (key.startsWith("$") ? key.slice(1) : key);

const encodeNumber = (value: number): unknown =>
  Number.isFinite(value) && !Object.is(value, -0) ? value : { [numberKey]: Object.is(value, -0) ? "-0" : `${value}` };

function decodeNumber(word: unknown, where: string): number {
  const value = {
    NaN: Number.NaN,
    Infinity: Number.POSITIVE_INFINITY,
    "-Infinity": Number.NEGATIVE_INFINITY,
    "-0": -0,
  }[String(word)];
  if (value !== undefined) return value;
  throw new TensorError("format", `loadCheckpoint: no such number, got ${JSON.stringify(word)}, in ${where}`, {
    path: where,
  });
}

/** Joined keys can meet: `{ "a.b": t, a: { b: u } }`. The later one then gets a mark. */
function freeName(name: string, taken: ReadonlyMap<string, Tensor>): string {
  let free = name;
  for (let n = 2; taken.has(free) || free === "__metadata__"; n++) free = `${name}#${n}`;
  return free;
}
