// Element types: their size in device memory, their JavaScript arrays, and how two of them meet.
// A bool takes four bytes on the device (0 or 1), one in JavaScript and in files. float16 and bfloat16 are ways to store
// numbers: they take two bytes on the device and in files, float32 in JavaScript, and kernels compute in float32.

import { TensorError } from "./errors.js";
import { halfFloats } from "./half-floats.js";

/** Element type of a tensor. */
export type DType = "float32" | "float64" | "float16" | "bfloat16" | "int32" | "uint32" | "bool";

/** A dtype of 16 bits: numbers are stored in it and computed with in float32. */
export type HalfType = keyof typeof halfFloats;

/** A floating dtype that kernels compute in. */
export type WideFloat = "float32" | "float64";

/** A floating dtype. */
export type FloatType = WideFloat | HalfType;

/** The array that `data()` returns for each dtype. */
export type DataArray<D extends DType = DType> = {
  readonly float16: Float32Array;
  readonly bfloat16: Float32Array;
  readonly float32: Float32Array;
  readonly float64: Float64Array;
  readonly int32: Int32Array;
  readonly uint32: Uint32Array;
  readonly bool: Uint8Array;
}[D];

type Info = { readonly byteLength: number; readonly kind: "float" | "integer" | "bool"; readonly rank: number };

// `rank` orders promotion: the higher of two wins, except that the two of 16 bits meet in float32.
const table = {
  bool: { byteLength: 4, kind: "bool", rank: 0 },
  uint32: { byteLength: 4, kind: "integer", rank: 1 },
  int32: { byteLength: 4, kind: "integer", rank: 2 },
  float16: { byteLength: 2, kind: "float", rank: 3 },
  bfloat16: { byteLength: 2, kind: "float", rank: 3 },
  float32: { byteLength: 4, kind: "float", rank: 4 },
  float64: { byteLength: 8, kind: "float", rank: 5 },
} as const satisfies Record<DType, Info>;

/** Every dtype, in order of promotion. */
export const allDTypes = Object.keys(table) as readonly DType[];

/** Bytes an element takes in device memory. */
export const byteLengthOf = (dtype: DType): number => table[dtype].byteLength;

/** Whether `dtype` is a floating one. */
export const isFloat = (dtype: DType): dtype is FloatType => table[dtype].kind === "float";

/** Whether `dtype` is float16 or bfloat16. */
export const isHalf = (dtype: DType): dtype is HalfType => dtype in halfFloats;

/** Whether `dtype` is float32 or float64. */
export const isWideFloat = (dtype: DType): dtype is WideFloat => dtype === "float32" || dtype === "float64";

/** The dtype that numbers of `dtype` are computed with in: float32 for those of 16 bits, itself for the others. */
export const arithmeticTypeOf = (dtype: DType): Exclude<DType, HalfType> => (isHalf(dtype) ? "float32" : dtype);

/** Whether `dtype` is int32 or uint32. */
export const isInteger = (dtype: DType): boolean => table[dtype].kind === "integer";

/** The dtype two operands are computed in: the wider float, else the integer, as in PyTorch. */
export function promote(a: DType, b: DType): DType {
  if (a !== b && isHalf(a) && isHalf(b)) return "float32";
  return table[a].rank >= table[b].rank ? a : b;
}

/** @throws TensorError `dtype` when `value` is not the name of a dtype. */
export function checkDType(op: string, value: unknown): DType {
  if (typeof value === "string" && Object.hasOwn(table, value)) return value as DType;
  const expected = allDTypes.join(", ");
  throw new TensorError("dtype", `${op}: unknown dtype, got ${String(value)}, expected one of ${expected}`, {
    op,
    got: value,
  });
}

/** A zeroed JavaScript array of `length` elements of `dtype`, as users see it. */
export function makeData<D extends DType>(dtype: D, length: number): DataArray<D> {
  const make: { readonly [K in DType]: () => DataArray } = {
    float16: () => new Float32Array(length),
    bfloat16: () => new Float32Array(length),
    float32: () => new Float32Array(length),
    float64: () => new Float64Array(length),
    int32: () => new Int32Array(length),
    uint32: () => new Uint32Array(length),
    bool: () => new Uint8Array(length),
  };
  return make[dtype]() as DataArray<D>;
}

/** `data` as an array of `dtype` would hold it: numbers of 16 bits are rounded, the rest is returned as it is. */
export function roundData(dtype: DType, data: DataArray): DataArray {
  if (!isHalf(dtype)) return data;
  const { bitsOf, numberOf } = halfFloats[dtype];
  return Float32Array.from(data as Float32Array, (x) => numberOf(bitsOf(x)));
}

/** The dtype whose `data()` array `array` is (float32 for those of 16 bits), or undefined for other arrays. */
export function dtypeOfArray(array: unknown): DType | undefined {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float64Array) return "float64";
  if (array instanceof Int32Array) return "int32";
  if (array instanceof Uint32Array) return "uint32";
  if (array instanceof Uint8Array) return "bool";
  return undefined;
}

/** Device bytes of a JavaScript array of `dtype` (a bool widens from one byte to four). */
export function toDeviceBytes(array: DataArray, dtype: DType): Uint8Array {
  if (array instanceof Uint8Array) {
    const wide = new Int32Array(array.length);
    for (let i = 0; i < array.length; i++) wide[i] = array[i] ? 1 : 0;
    return new Uint8Array(wide.buffer);
  }
  if (!isHalf(dtype)) return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const { bitsOf } = halfFloats[dtype];
  return new Uint8Array(Uint16Array.from(array as Float32Array, bitsOf).buffer);
}

/** The JavaScript array of device bytes; takes the bytes over without a copy where it can. */
export function fromDeviceBytes<D extends DType>(dtype: D, bytes: Uint8Array): DataArray<D> {
  const own = bytes.byteOffset % 8 === 0 && !isShared(bytes.buffer) ? bytes : bytes.slice();
  const { buffer, byteOffset } = own;
  const length = own.byteLength / byteLengthOf(dtype);
  const widen = (type: HalfType): Float32Array =>
    Float32Array.from(new Uint16Array(buffer as ArrayBuffer, byteOffset, length), halfFloats[type].numberOf);
  const make: { readonly [K in DType]: () => DataArray } = {
    float16: () => widen("float16"),
    bfloat16: () => widen("bfloat16"),
    float32: () => new Float32Array(buffer as ArrayBuffer, byteOffset, length),
    float64: () => new Float64Array(buffer as ArrayBuffer, byteOffset, length),
    int32: () => new Int32Array(buffer as ArrayBuffer, byteOffset, length),
    uint32: () => new Uint32Array(buffer as ArrayBuffer, byteOffset, length),
    bool: () => Uint8Array.from(new Int32Array(buffer as ArrayBuffer, byteOffset, length)),
  };
  return make[dtype]() as DataArray<D>;
}

const isShared = (buffer: ArrayBufferLike): boolean =>
  typeof SharedArrayBuffer !== "undefined" && buffer instanceof SharedArrayBuffer;
