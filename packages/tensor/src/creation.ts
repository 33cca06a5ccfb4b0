// Tensors from data, constants and random numbers.

import { filled } from "./autograd/accumulate.js";
import { defaultDevice } from "./default-device.js";
import {
  arithmeticTypeOf,
  checkDType,
  type DataArray,
  type DType,
  dtypeOfArray,
  type FloatType,
  isFloat,
  isInteger,
  makeData,
  type WideFloat,
} from "./dtype.js";
import { argumentError, shapeError, TensorError } from "./errors.js";
import type { Device } from "./graph/device.js";
import * as random from "./ops/random.js";
import { defaultGenerator, type Generator } from "./random.js";
import { type Shape, sizeOf } from "./shape.js";
import { fromHost, type NestedArray, type Tensor } from "./tensor.js";

/** How a tensor is made. */
export type TensorOptions = {
  /** float32 unless the data says otherwise. */
  readonly dtype?: DType;
  readonly device?: Device;
  readonly requiresGrad?: boolean;
};

/** Options of random tensors. */
export type RandomOptions = TensorOptions & { readonly generator?: Generator };

/** Sizes, as separate numbers or one array, and options last. */
export type ShapeArguments<O> =
  | readonly [...number[]]
  | readonly [...number[], O]
  | readonly [Shape]
  | readonly [Shape, O];

// A template that `make` is called on: it has the class, and no data of its own.
const template = (device: Device): Tensor => fromHost(new Float32Array(1), [], "float32", device);

function split<O extends object>(op: string, args: readonly unknown[]): { shape: number[]; options: O } {
  const last = args[args.length - 1];
  const hasOptions = typeof last === "object" && last !== null && !Array.isArray(last);
  const shape = (hasOptions ? args.slice(0, -1) : args).flat() as number[];
  for (const d of shape)
    if (!Number.isInteger(d) || d < 0) throw argumentError(op, "a size", "an integer of at least 0", d);
  return { shape, options: (hasOptions ? last : {}) as O };
}

function finish(t: Tensor, options: TensorOptions): Tensor {
  if (options.requiresGrad) t.requiresGrad = true;
  return t;
}

function constantOf(op: string, args: readonly unknown[], value: number): Tensor {
  const { shape, options } = split<TensorOptions>(op, args);
  return full(shape, value, options);
}

/** A tensor of zeros. */
export const zeros = (...args: ShapeArguments<TensorOptions>): Tensor => constantOf("zeros", args, 0);
/** A tensor of ones. */
export const ones = (...args: ShapeArguments<TensorOptions>): Tensor => constantOf("ones", args, 1);

/** A tensor of one value. */
export function full(shape: Shape, value: number | boolean, options: TensorOptions = {}): Tensor {
  const dtype = options.dtype ? checkDType("full", options.dtype) : typeof value === "boolean" ? "bool" : "float32";
  const device = options.device ?? defaultDevice();
  return finish(filled(template(device), device, shape, dtype, Number(value)), options);
}

const shapeOfNested = (data: NestedArray): number[] => {
  const shape: number[] = [];
  for (let x: NestedArray = data; Array.isArray(x); x = x[0] as NestedArray) {
    shape.push(x.length);
    if (x.length === 0) break;
  }
  return shape;
};

/**
 * A tensor from nested arrays, a number, or a typed array (which keeps its dtype and is copied).
 * @throws TensorError `shape` for ragged arrays, `dtype` for other data
 */
export function tensor(
  data: NestedArray | DataArray,
  options: TensorOptions & { readonly shape?: Shape } = {},
): Tensor {
  const device = options.device ?? defaultDevice();
  const given = dtypeOfArray(data);
  if (given) {
    const array = data as DataArray;
    const shape = options.shape ?? [array.length];
    if (sizeOf(shape) !== array.length)
      throw shapeError("tensor", `${array.length} values do not fill the shape`, [shape]);
    const dtype = options.dtype ? checkDType("tensor", options.dtype) : given;
    return finish(fromHost(convert(array, dtype), shape, dtype, device), options);
  }
  const shape = shapeOfNested(data as NestedArray);
  const flat: (number | boolean)[] = [];
  const collect = (x: NestedArray, axis: number): void => {
    if (Array.isArray(x)) {
      if (axis >= shape.length || x.length !== shape[axis])
        throw shapeError("tensor", "nested arrays are ragged", [shape]);
      for (const y of x) collect(y as NestedArray, axis + 1);
      return;
    }
    if (axis !== shape.length) throw shapeError("tensor", "nested arrays are ragged", [shape]);
    if (typeof x !== "number" && typeof x !== "boolean") {
      throw new TensorError(
        "dtype",
        `tensor: values must be numbers or booleans, got ${x === null ? "null" : typeof x}`,
      );
    }
    flat.push(x);
  };
  collect(data as NestedArray, 0);
  const natural: DType = flat.length > 0 && flat.every((x) => typeof x === "boolean") ? "bool" : "float32";
  const dtype = options.dtype ? checkDType("tensor", options.dtype) : natural;
  const wanted = options.shape ?? shape;
  if (sizeOf(wanted) !== flat.length)
    throw shapeError("tensor", `${flat.length} values do not fill the shape`, [wanted]);
  const host = makeData(dtype, flat.length);
  for (let i = 0; i < flat.length; i++) host[i] = dtype === "bool" ? Number(Boolean(flat[i])) : Number(flat[i]);
  return finish(fromHost(host, wanted, dtype, device), options);
}

function convert(array: DataArray, dtype: DType): DataArray {
  const host = makeData(dtype, array.length);
  if (dtype === "bool") for (let i = 0; i < array.length; i++) host[i] = array[i] ? 1 : 0;
  else host.set(array as never);
  return host;
}

/** A tensor over a typed array's values. @throws TensorError `shape` */
export const fromTypedArray = (array: DataArray, shape: Shape, options: TensorOptions = {}): Tensor =>
  tensor(array, { ...options, shape });

/** start, start + step, … below end. With one argument: 0, 1, … below it. int32 when all are integers. */
export function arange(start: number, end?: number, step = 1, options: TensorOptions = {}): Tensor {
  const [from, to] = end === undefined ? [0, start] : [start, end];
  if (![from, to, step].every(Number.isFinite) || step === 0)
    throw argumentError("arange", "bounds and step", "finite, the step not 0", `${from}, ${to}, ${step}`);
  const count = Math.max(0, Math.ceil((to - from) / step));
  const dtype = options.dtype ?? ([from, to, step].every(Number.isInteger) ? "int32" : "float32");
  const host = makeData(checkDType("arange", dtype), count);
  for (let i = 0; i < count; i++) host[i] = from + i * step;
  return finish(fromHost(host, [count], dtype, options.device ?? defaultDevice()), options);
}

/** `count` evenly spaced values from start to end, both included. */
export function linspace(start: number, end: number, count: number, options: TensorOptions = {}): Tensor {
  if (!Number.isInteger(count) || count < 0)
    throw argumentError("linspace", "count", "an integer of at least 0", count);
  const host = makeData(checkDType("linspace", options.dtype ?? "float32"), count);
  for (let i = 0; i < count; i++) host[i] = count === 1 ? start : start + ((end - start) * i) / (count - 1);
  return finish(fromHost(host, [count], options.dtype ?? "float32", options.device ?? defaultDevice()), options);
}

/** The identity matrix. */
export function eye(size: number, options: TensorOptions = {}): Tensor {
  const host = makeData(checkDType("eye", options.dtype ?? "float32"), size * size);
  for (let i = 0; i < size; i++) host[i * size + i] = 1;
  return finish(fromHost(host, [size, size], options.dtype ?? "float32", options.device ?? defaultDevice()), options);
}

function floatType(op: string, dtype: DType | undefined): FloatType {
  const type = checkDType(op, dtype ?? "float32");
  if (!isFloat(type)) throw new TensorError("dtype", `${op}: needs a floating dtype, got ${type}`, { op });
  return type;
}

/** Uniform random numbers in [0, 1). */
export function rand(...args: ShapeArguments<RandomOptions>): Tensor {
  const { shape, options } = split<RandomOptions>("rand", args);
  const device = options.device ?? defaultDevice();
  const type = floatType("rand", options.dtype);
  const drawn = arithmeticTypeOf(type) as WideFloat;
  const t = random.uniform(template(device), device, shape, drawn, options.generator ?? defaultGenerator(), 0, 1);
  return finish(t.to(type), options);
}

/** Standard normal random numbers. */
export function randn(...args: ShapeArguments<RandomOptions>): Tensor {
  const { shape, options } = split<RandomOptions>("randn", args);
  const device = options.device ?? defaultDevice();
  const type = floatType("randn", options.dtype);
  const drawn = arithmeticTypeOf(type) as WideFloat;
  const t = random.normal(template(device), device, shape, drawn, options.generator ?? defaultGenerator(), 0, 1);
  return finish(t.to(type), options);
}

/** Random integers in [low, high), int32 unless another integer dtype is asked for. */
export function randint(low: number, high: number, shape: Shape, options: RandomOptions = {}): Tensor {
  if (!Number.isInteger(low) || !Number.isInteger(high) || high <= low || high - low > 2 ** 31) {
    throw argumentError("randint", "bounds", "integers, low below high", `${low}, ${high}`);
  }
  const device = options.device ?? defaultDevice();
  const dtype = checkDType("randint", options.dtype ?? "int32");
  const t = random.integers(template(device), device, shape, options.generator ?? defaultGenerator(), low, high - low);
  return finish(isInteger(dtype) && dtype === "int32" ? t : t.to(dtype), options);
}

/** A random order of 0 … n − 1, int32. */
export function randperm(n: number, options: RandomOptions = {}): Tensor {
  return rand(n, { ...options, dtype: "float32", requiresGrad: false }).sort().indices;
}
