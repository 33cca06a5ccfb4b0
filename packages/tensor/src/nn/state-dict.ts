// Loading a state dictionary: everything is checked before anything is written, then all is written at once.

import { arithmeticTypeOf, dtypeOfArray, isFloat } from "../dtype.js";
import { argumentError, TensorError } from "../errors.js";
import type { Device } from "../graph/device.js";
import { sameShape } from "../shape.js";
import { assignAll, dataNodeOf, fromHost, Tensor } from "../tensor.js";

/** Tensors by key. */
export type StateDict = Readonly<Record<string, Tensor>>;

/** How `loadStateDict` treats keys that do not match. */
export type LoadOptions = {
  /** Whether missing and unexpected keys are errors; true unless given. */
  readonly strict?: boolean;
};

/** Keys that did not match; both empty after a strict load. */
export type LoadResult = { readonly missingKeys: readonly string[]; readonly unexpectedKeys: readonly string[] };

/** A tensor of a module with one of its keys. */
export type Entry = { readonly key: string; readonly tensor: Tensor };

/** Overwrites the tensors of `entries` with those of `dict`. @throws TensorError `format`, `shape`, `dtype`, `device` */
export function loadInto(
  owner: string,
  entries: readonly Entry[],
  dict: StateDict,
  { strict = true }: LoadOptions,
): LoadResult {
  const op = `${owner}.loadStateDict`;
  if (typeof dict !== "object" || dict === null)
    throw argumentError(op, "the dictionary", "an object of tensors", dict);
  const known = new Set(entries.map(({ key }) => key));
  const given = new Set(entries.flatMap(({ key, tensor }) => (Object.hasOwn(dict, key) ? [tensor] : [])));
  const missingKeys = entries.flatMap(({ key, tensor }) => (given.has(tensor) ? [] : [key]));
  const unexpectedKeys = Object.keys(dict).filter((key) => !known.has(key));
  if (strict && missingKeys.length + unexpectedKeys.length > 0) {
    const problems = [describe("missing", missingKeys), describe("unexpected", unexpectedKeys)].filter(Boolean);
    throw new TensorError("format", `${op}: the keys do not match: ${problems.join("; ")}`, {
      missingKeys,
      unexpectedKeys,
    });
  }
  const updates = new Map<Tensor, Tensor>();
  for (const { key, tensor } of entries) {
    if (Object.hasOwn(dict, key)) updates.set(tensor, fitted(op, key, tensor, dict[key]!));
  }
  assignAll([...updates], op);
  return { missingKeys, unexpectedKeys };
}

const shownKeys = 10;

function describe(what: string, keys: readonly string[]): string {
  if (keys.length === 0) return "";
  const more = keys.length > shownKeys ? `, … (${keys.length} in all)` : "";
  return `${what} ${keys.slice(0, shownKeys).join(", ")}${more}`;
}

/** `value` as it can be written over `target`. */
function fitted(op: string, key: string, target: Tensor, value: Tensor): Tensor {
  if (!(value instanceof Tensor)) {
    throw new TensorError("format", `${op}: ${key} must be a tensor, got ${value === null ? "null" : typeof value}`, {
      key,
    });
  }
  if (!sameShape(target.shape, value.shape)) {
    const [got, expected] = [value, target].map((t) => `[${t.shape.join(", ")}]`);
    throw new TensorError("shape", `${op}: ${key} has another shape, got ${got}, expected ${expected}`, {
      key,
      got: value.shape,
      expected: target.shape,
    });
  }
  if (value.dtype !== target.dtype && !(isFloat(value.dtype) && isFloat(target.dtype))) {
    throw new TensorError("dtype", `${op}: ${key} has another dtype, got ${value.dtype}, expected ${target.dtype}`, {
      key,
    });
  }
  return onDevice(op, key, value, target.device).to(target.dtype);
}

/** The value on a device, at once: possible when it is there, or when the host still holds it (as after loading). */
function onDevice(op: string, key: string, value: Tensor, device: Device): Tensor {
  if (value.device === device) return value;
  const { host } = dataNodeOf(value);
  if (host && host.length === value.numel && dtypeOfArray(host) === arithmeticTypeOf(value.dtype)) {
    return fromHost(host, value.shape, value.dtype, device);
  }
  throw new TensorError(
    "device",
    `${op}: ${key} is on another device, got ${value.device.name}, expected ${device.name}; move it with to(device)`,
    { key },
  );
}
