// Tensors in the safetensors format: what other frameworks write and read.
// Saving goes tensor by tensor, so that a model is never held twice, and refuses to mix values from before and after an update.

import { defaultDevice } from "../default-device.js";
import { arithmeticTypeOf, type DType, isHalf, toDeviceBytes } from "../dtype.js";
import { argumentError, TensorError } from "../errors.js";
import type { Device } from "../graph/device.js";
import type { Shape } from "../shape.js";
import { fromHost, Tensor } from "../tensor.js";
import { type ByteSource, type BytesOrPath, withSource } from "./byte-source.js";
import { replaceFile } from "./files.js";
import { fileTypes } from "./safetensors-dtypes.js";
import {
  checkWritable,
  encodeHeader,
  formatError,
  type Header,
  headerLength,
  parseHeader,
  planEntries,
  prefixBytes,
} from "./safetensors-header.js";

/** Tensors by name. */
export type NamedTensors = Readonly<Record<string, Tensor>>;

/** Strings that a safetensors file carries beside its tensors. */
export type Metadata = Readonly<Record<string, string>>;

/** Where loaded tensors are put. */
export type LoadOptions = {
  /** The default device unless given. */
  readonly device?: Device;
};

/** What a safetensors file says of itself. */
export type SafetensorsInfo = {
  readonly metadata: Metadata;
  /** `type` is the file's element type, such as F16; `dtype` is what loading makes of it. */
  readonly tensors: Readonly<
    Record<string, { readonly type: string; readonly dtype: DType; readonly shape: Shape; readonly byteLength: number }>
  >;
};

/**
 * Writes tensors to a file: the old file or the new one is there at any moment, never a part.
 * @throws TensorError `file` when it cannot be written, `state` when a tensor is updated meanwhile, `argument`
 */
export async function saveSafetensors(path: string, tensors: NamedTensors, metadata: Metadata = {}): Promise<void> {
  const op = "saveSafetensors";
  if (typeof path !== "string" || path === "") throw argumentError(op, "path", "a path", path);
  await replaceFile(op, path, safetensorsChunks(op, tensors, metadata));
}

/**
 * The bytes of a safetensors file, for where there is no file system.
 * @throws TensorError `state` when a tensor is updated meanwhile, `argument`
 */
export async function serializeSafetensors(
  tensors: NamedTensors,
  metadata: Metadata = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of safetensorsChunks("serializeSafetensors", tensors, metadata)) chunks.push(chunk);
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/**
 * The tensors of a file, or of its bytes. F16 and BF16 become float32 where the device has no such types, integers other
 * than U32 become int32.
 * @throws TensorError `file` when it cannot be read, `format` when it is not a whole safetensors file, `unsupported`
 * for integers beyond int32
 */
export async function loadSafetensors(source: BytesOrPath, options: LoadOptions = {}): Promise<Record<string, Tensor>> {
  const device = options.device ?? defaultDevice();
  return withSource("loadSafetensors", source, async (file) => {
    const { header, dataStart } = await readHeader(file);
    const loaded: [string, Tensor][] = [];
    for (const { name, type, shape, start, end } of header.entries) {
      const bytes = await file.read(dataStart + start, end - start);
      if (bytes.byteLength < end - start) throw formatError(file.name, "the file became shorter while it was read");
      const { decode, dtype } = fileTypes[type]!;
      const data = decode(bytes, `tensor ${JSON.stringify(name)} in ${file.name}`);
      const known = device.backend.capabilities.dtypes.has(dtype) ? dtype : arithmeticTypeOf(dtype);
      loaded.push([name, fromHost(data, shape, known, device)]);
    }
    return Object.fromEntries(loaded);
  });
}

/** What is in a safetensors file, without reading its tensors. @throws TensorError as `loadSafetensors` */
export async function inspectSafetensors(source: BytesOrPath): Promise<SafetensorsInfo> {
  return withSource("inspectSafetensors", source, async (file) => {
    const { header } = await readHeader(file);
    const described = header.entries.map(({ name, type, shape, start, end }) => {
      return [name, { type, dtype: fileTypes[type]!.dtype, shape, byteLength: end - start }] as const;
    });
    return { metadata: header.metadata, tensors: Object.fromEntries(described) };
  });
}

async function readHeader(file: ByteSource): Promise<{ header: Header; dataStart: number }> {
  const length = headerLength(await file.read(0, prefixBytes), file.byteLength, file.name);
  const dataStart = prefixBytes + length;
  const json = await file.read(prefixBytes, length);
  return { header: parseHeader(json, file.byteLength - dataStart, file.name), dataStart };
}

/** A file as pieces: the header, then a piece a tensor. Arguments are checked, and values fixed, at the call. */
export function safetensorsChunks(op: string, tensors: NamedTensors, metadata: Metadata): AsyncIterable<Uint8Array> {
  for (const [name, t] of Object.entries(tensors)) {
    if (!(t instanceof Tensor)) throw argumentError(op, name, "a tensor", t === null ? "null" : typeof t);
  }
  checkWritable(op, Object.keys(tensors), metadata);
  const entries = planEntries(tensors);
  const versions = entries.map(({ name }) => tensors[name]!.value.node);
  return (async function* () {
    yield encodeHeader({ entries, metadata });
    for (const [i, { name }] of entries.entries()) {
      const t = tensors[name]!;
      // An update gives a leaf another node, and makes what else stands for the old value unreadable.
      const overwritten = (cause?: unknown): TensorError => {
        const message = `${op}: ${name} was overwritten before it was saved; await the save before the next update`;
        return new TensorError("state", message, { op, name }, cause);
      };
      if (t.value.node !== versions[i]) throw overwritten();
      const data = await t.data().catch((error: unknown) => {
        throw TensorError.is(error, "stale-tensor") ? overwritten(error) : error;
      });
      // A file holds what a device holds, but for bools, which take one byte here.
      yield isHalf(t.dtype)
        ? toDeviceBytes(data, t.dtype)
        : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    }
  })();
}
