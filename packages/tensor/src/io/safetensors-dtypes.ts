// The element types of safetensors files: how each is written, and read as one of ours.
// Bytes are little-endian, as are the typed arrays of every engine this runs on.

import { type DataArray, type DType, fromDeviceBytes } from "../dtype.js";
import { TensorError } from "../errors.js";

/** How one element type of a file is read. */
export type FileType = {
  readonly byteLength: number;
  /** The dtype its tensors get. */
  readonly dtype: DType;
  /** Values of bytes that nobody else holds, aligned to 8. `where` names the tensor in errors. */
  readonly decode: (bytes: Uint8Array<ArrayBuffer>, where: string) => DataArray;
};

const asInt32 = (values: Iterable<number>): Int32Array => Int32Array.from(values);

/** Every element type that can be read, by its name in the file. */
export const fileTypes: Readonly<Record<string, FileType>> = {
  F64: { byteLength: 8, dtype: "float64", decode: ({ buffer }) => new Float64Array(buffer) },
  F32: { byteLength: 4, dtype: "float32", decode: ({ buffer }) => new Float32Array(buffer) },
  F16: { byteLength: 2, dtype: "float16", decode: (bytes) => fromDeviceBytes("float16", bytes) },
  BF16: { byteLength: 2, dtype: "bfloat16", decode: (bytes) => fromDeviceBytes("bfloat16", bytes) },
  I64: { byteLength: 8, dtype: "int32", decode: ({ buffer }, where) => narrow(new BigInt64Array(buffer), where) },
  U64: { byteLength: 8, dtype: "int32", decode: ({ buffer }, where) => narrow(new BigUint64Array(buffer), where) },
  I32: { byteLength: 4, dtype: "int32", decode: ({ buffer }) => new Int32Array(buffer) },
  U32: { byteLength: 4, dtype: "uint32", decode: ({ buffer }) => new Uint32Array(buffer) },
  I16: { byteLength: 2, dtype: "int32", decode: ({ buffer }) => asInt32(new Int16Array(buffer)) },
  U16: { byteLength: 2, dtype: "int32", decode: ({ buffer }) => asInt32(new Uint16Array(buffer)) },
  I8: { byteLength: 1, dtype: "int32", decode: ({ buffer }) => asInt32(new Int8Array(buffer)) },
  U8: { byteLength: 1, dtype: "int32", decode: (bytes) => asInt32(bytes) },
  BOOL: { byteLength: 1, dtype: "bool", decode: (bytes, where) => checkBools(bytes, where) },
};

/** The name and element size under which a dtype is written. */
export const writtenAs = {
  float64: { name: "F64", byteLength: 8 },
  float32: { name: "F32", byteLength: 4 },
  float16: { name: "F16", byteLength: 2 },
  bfloat16: { name: "BF16", byteLength: 2 },
  int32: { name: "I32", byteLength: 4 },
  uint32: { name: "U32", byteLength: 4 },
  bool: { name: "BOOL", byteLength: 1 },
} as const satisfies Record<DType, { name: string; byteLength: number }>;

function narrow(values: BigInt64Array | BigUint64Array, where: string): Int32Array {
  const out = new Int32Array(values.length);
  values.forEach((value, i) => {
    if (BigInt.asIntN(32, value) !== value) {
      const message = `loadSafetensors: ${where} has a 64-bit integer that no int32 holds, got ${value} at ${i}`;
      throw new TensorError("unsupported", message, { got: value, position: i });
    }
    out[i] = Number(value);
  });
  return out;
}

function checkBools(bytes: Uint8Array, where: string): Uint8Array {
  const bad = bytes.findIndex((x) => x > 1);
  if (bad < 0) return bytes;
  const message = `loadSafetensors: ${where} is not made of bools, got ${bytes[bad]} at ${bad}, expected 0 or 1`;
  throw new TensorError("format", message, { got: bytes[bad], position: bad });
}
