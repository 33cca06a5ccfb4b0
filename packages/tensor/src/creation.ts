// Tensors from data, constants and random numbers.

import { checkFinite, checkFlag, checkInteger, checkIntegers, checkOptions, checkValue } from "./arguments.js";
import { filled } from "./autograd/accumulate.js";
import { defaultDevice } from "./default-device.js";
import {
  arithmeticTypeOf,
  checkDType,
  type DataArray,
  type DType,
  dtypeOfArray,
  isFloat,
  makeData,
  type WideFloat,
} from "./dtype.js";
import { argumentError, shapeError, TensorError } from "./errors.js";
import { Device } from "./graph/device.js";
import * as random from "./ops/random.js";
import { defaultGenerator, Generator } from "./random.js";
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

const names = ["dtype", "device", "requiresGrad"] as const;
const randomNames = [...names, "generator"] as const;

/** Where a tensor is made and in which dtype, from options that have been looked at for typing errors. */
function placed(
  op: string,
  options: TensorOptions,
  natural: DType,
  known: readonly string[] = names,
): { readonly dtype: DType; readonly device: Device } {
  checkOptions(op, options, known);
  const { dtype = natural, device = defaultDevice(), requiresGrad = false } = options;
  if (!(device instanceof Device)) throw argumentError(op, "device", "a Device, which the backends make", device);
  checkFlag(op, "requiresGrad", requiresGrad);
  return { dtype: checkDType(op, dtype), device };
}

function split<O extends object>(op: string, args: readonly unknown[]): { shape: number[]; options: O } {
  const last = args[args.length - 1];
  const hasOptions = typeof last === "object" && last !== null && !Array.isArray(last);
  const shape = (hasOptions ? args.slice(0, -1) : args).flat() as number[];
  checkIntegers(op, "the shape", shape, 0);
  return { shape, options: (hasOptions ? last : {}) as O };
}

function finish(t: Tensor, options: TensorOptions): Tensor {
  if (options.requiresGrad) t.requiresGrad = true;
  return t;
}

function filledWith(op: string, shape: Shape, value: number | boolean, options: TensorOptions): Tensor {
  const { dtype, device } = placed(op, options, typeof value === "boolean" ? "bool" : "float32");
  return finish(filled(template(device), device, shape, dtype, Number(value)), options);
}

function constantOf(op: string, args: readonly unknown[], value: number): Tensor {
  const { shape, options } = split<TensorOptions>(op, args);
  return filledWith(op, shape, value, options);
}

/** A tensor of zeros. */
export const zeros = (...args: ShapeArguments<TensorOptions>): Tensor => constantOf("zeros", args, 0);
/** A tensor of ones. */
export const ones = (...args: ShapeArguments<TensorOptions>): Tensor => constantOf("ones", args, 1);

/** A tensor of one value. */
export function full(shape: Shape, value: number | boolean, options: TensorOptions = {}): Tensor {
  checkIntegers("full", "the shape", shape, 0);
  if (typeof value !== "boolean") checkValue("full", "the value", value);
  return filledWith("full", shape, value, options);
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
  return made("tensor", data, options);
}

function made(op: string, data: unknown, options: TensorOptions & { readonly shape?: Shape }): Tensor {
  const given = dtypeOfArray(data);
  const { dtype, device } = placed(op, options, given ?? "float32", [...names, "shape"]);
  if (options.shape !== undefined) checkIntegers(op, "the shape", options.shape, 0);
  if (given) {
    const array = data as DataArray;
    const shape = options.shape ?? [array.length];
    if (sizeOf(shape) !== array.length) throw shapeError(op, `${array.length} values do not fill the shape`, [shape]);
    return finish(fromHost(convert(array, dtype), shape, dtype, device), options);
  }
  const shape = shapeOfNested(data as NestedArray);
  const flat: (number | boolean)[] = [];
  const collect = (x: NestedArray, axis: number): void => {
    if (Array.isArray(x)) {
      if (axis >= shape.length || x.length !== shape[axis]) throw shapeError(op, "nested arrays are ragged", [shape]);
      for (const y of x) collect(y as NestedArray, axis + 1);
      return;
    }
    if (axis !== shape.length) throw shapeError(op, "nested arrays are ragged", [shape]);
    if (typeof x !== "number" && typeof x !== "boolean") {
      throw new TensorError(
        "dtype",
        `${op}: values must be numbers or booleans, got ${x === null ? "null" : typeof x}`,
      );
    }
    flat.push(x);
  };
  collect(data as NestedArray, 0);
  const isBool = options.dtype === undefined && flat.length > 0 && flat.every((x) => typeof x === "boolean");
  const type = isBool ? "bool" : dtype;
  const wanted = options.shape ?? shape;
  if (sizeOf(wanted) !== flat.length) throw shapeError(op, `${flat.length} values do not fill the shape`, [wanted]);
  const host = makeData(type, flat.length);
  for (let i = 0; i < flat.length; i++) host[i] = type === "bool" ? Number(Boolean(flat[i])) : Number(flat[i]);
  return finish(fromHost(host, wanted, type, device), options);
}

function convert(array: DataArray, dtype: DType): DataArray {
  const host = makeData(dtype, array.length);
  if (dtype === "bool") for (let i = 0; i < array.length; i++) host[i] = array[i] ? 1 : 0;
  else host.set(array as never);
  return host;
}

/** A tensor over a typed array's values. @throws TensorError `shape`, `argument` */
export function fromTypedArray(array: DataArray, shape: Shape, options: TensorOptions = {}): Tensor {
  if (!dtypeOfArray(array)) throw argumentError("fromTypedArray", "the array", "a typed array", array);
  checkOptions("fromTypedArray", options, names);
  return made("fromTypedArray", array, { ...options, shape });
}

/** start, start + step, … below end. With one argument: 0, 1, … below it. int32 when all are integers. */
export function arange(start: number, end?: number, step = 1, options: TensorOptions = {}): Tensor {
  const [from, to] = end === undefined ? [0, start] : [start, end];
  if (![from, to, step].every(Number.isFinite) || step === 0)
    throw argumentError("arange", "bounds and step", "finite numbers, the step not 0", [from, to, step]);
  const count = Math.max(0, Math.ceil((to - from) / step));
  const natural = [from, to, step].every(Number.isInteger) ? "int32" : "float32";
  const { dtype, device } = placed("arange", options, natural);
  const host = makeData(dtype, count);
  for (let i = 0; i < count; i++) host[i] = from + i * step;
  return finish(fromHost(host, [count], dtype, device), options);
}

/** `count` evenly spaced values from start to end, both included. */
export function linspace(start: number, end: number, count: number, options: TensorOptions = {}): Tensor {
  checkFinite("linspace", "start", start);
  checkFinite("linspace", "end", end);
  checkInteger("linspace", "count", count, 0);
  const { dtype, device } = placed("linspace", options, "float32");
  const host = makeData(dtype, count);
  for (let i = 0; i < count; i++) host[i] = count === 1 ? start : start + ((end - start) * i) / (count - 1);
  return finish(fromHost(host, [count], dtype, device), options);
}

/** The identity matrix. */
export function eye(size: number, options: TensorOptions = {}): Tensor {
  checkInteger("eye", "size", size, 0);
  const { dtype, device } = placed("eye", options, "float32");
  const host = makeData(dtype, size * size);
  for (let i = 0; i < size; i++) host[i * size + i] = 1;
  return finish(fromHost(host, [size, size], dtype, device), options);
}

function drawnFrom(op: string, options: RandomOptions): Generator {
  const { generator = defaultGenerator() } = options;
  if (!(generator instanceof Generator)) throw argumentError(op, "generator", "a Generator", generator);
  return generator;
}

function drawn(op: "rand" | "randn", args: readonly unknown[], draw: typeof random.uniform): Tensor {
  const { shape, options } = split<RandomOptions>(op, args);
  const { dtype, device } = placed(op, options, "float32", randomNames);
  if (!isFloat(dtype)) throw new TensorError("dtype", `${op}: needs a floating dtype, got ${dtype}`, { op });
  const wide = arithmeticTypeOf(dtype) as WideFloat;
  const t = draw(template(device), device, shape, wide, drawnFrom(op, options), 0, 1);
  return finish(t.to(dtype), options);
}

/** Uniform random numbers in [0, 1). */
export const rand = (...args: ShapeArguments<RandomOptions>): Tensor => drawn("rand", args, random.uniform);

/** Standard normal random numbers. */
export const randn = (...args: ShapeArguments<RandomOptions>): Tensor => drawn("randn", args, random.normal);

/** Random integers in [low, high), int32 unless another integer dtype is asked for. */
export function randint(low: number, high: number, shape: Shape, options: RandomOptions = {}): Tensor {
  if (!Number.isInteger(low) || !Number.isInteger(high) || high <= low || high - low > 2 ** 31) {
    throw argumentError("randint", "bounds", "integers, low below high", [low, high]);
  }
  checkIntegers("randint", "the shape", shape, 0);
  const { dtype, device } = placed("randint", options, "int32", randomNames);
  const generator = drawnFrom("randint", options);
  const t = random.integers(template(device), device, shape, generator, low, high - low);
  return finish(t.to(dtype), options);
}

/** A random order of 0 … n − 1, int32. */
export function randperm(n: number, options: RandomOptions = {}): Tensor {
  checkInteger("randperm", "n", n, 0);
  const { dtype, device } = placed("randperm", options, "int32", randomNames);
  const { indices } = rand(n, { device, generator: drawnFrom("randperm", options) }).sort();
  return finish(indices.to(dtype), options);
}
