// Functions around tensors rather than on them: noGrad, grad, scope, keep, compile.

import { checkFlags, checkFunction, checkOptions } from "./arguments.js";
import { withAutocast } from "./autograd/autocast.js";
import * as tape from "./autograd/backward.js";
import { checkTensor, checkTensors } from "./autograd/checks.js";
import { refusePromise, withGrad } from "./autograd/mode.js";
import { sameDevice } from "./autograd/program-op.js";
import type { Variable } from "./autograd/variable.js";
import { defaultDevice } from "./default-device.js";
import { type DataArray, isHalf } from "./dtype.js";
import { argumentError, shapeError, TensorError } from "./errors.js";
import { Device } from "./graph/device.js";
import { hostValuesOf, type Node } from "./graph/node.js";
import { scatterAddRows } from "./ops/anchors/rows-by-id.js";
import { cat } from "./ops/shape-ops.js";
import { sameShape } from "./shape.js";
import { Tensor } from "./tensor.js";

/** Runs `fn` without recording for backward. @throws TensorError `state` when `fn` returns a promise */
export const noGrad = <R>(fn: () => R): R => withGrad("noGrad", false, fn);

/**
 * Runs `fn` with matrix products in 16 bits, as PyTorch's autocast: parameters stay float32, products and what is added
 * in `linear` are computed in `dtype`, softmax, norms, sums and losses give float32, and everything else keeps the dtype
 * that its operands meet in. Backward needs no autocast. `"float32"` turns it off inside. float16 needs a `GradScaler`.
 * @throws TensorError `state` when `fn` returns a promise
 */
export const autocast = <R>(dtype: "bfloat16" | "float16" | "float32", fn: () => R): R => {
  if (dtype !== "float32" && !isHalf(dtype)) {
    throw argumentError("autocast", "dtype", "bfloat16, float16 or float32", dtype);
  }
  return withAutocast(dtype, fn);
};

/** Runs `fn` with recording, inside `noGrad`. @throws TensorError `state` when `fn` returns a promise */
export const enableGrad = <R>(fn: () => R): R => withGrad("enableGrad", true, fn);

/** Options of `grad`. */
export type GradOptions = {
  /** Gradients of the outputs; needed for those that are no scalars. */
  readonly gradients?: readonly (Tensor | undefined)[];
  /** Record the pass, for gradients of gradients. */
  readonly createGraph?: boolean;
  readonly retainGraph?: boolean;
  /** Return undefined for inputs that are not reached, instead of throwing. */
  readonly allowUnused?: boolean;
};

/**
 * Gradients of the sum of `outputs` with respect to `inputs`, leaving every `grad` alone.
 * @throws TensorError `state` for an input that is not reached, unless `allowUnused`
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options?: GradOptions & { readonly allowUnused?: false },
): Tensor[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradOptions,
): (Tensor | undefined)[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradOptions = {},
): (Tensor | undefined)[] {
  const { gradients, ...flags } = options ?? {};
  checkOptions("grad", options, ["gradients", "createGraph", "retainGraph", "allowUnused"]);
  checkFlags("grad", flags, ["createGraph", "retainGraph", "allowUnused"]);
  if (gradients !== undefined && !Array.isArray(gradients))
    throw argumentError("grad", "gradients", "a list of tensors", gradients);
  const list = outputs instanceof Tensor ? [outputs] : outputs;
  checkTensors("grad", list, "outputs");
  checkTensors("grad", inputs, "inputs");
  const found = tape.gradientsOf(list, inputs, gradients ?? [], options);
  if (!options.allowUnused) {
    const missing = found.indexOf(undefined);
    if (missing >= 0)
      throw new TensorError(
        "state",
        `grad: input ${missing + 1} does not reach the outputs; pass { allowUnused: true } to allow it`,
      );
  }
  return found;
}

/**
 * The accumulated gradient of a leaf, for code that uses it up before the next update (optimizers, clipping). Reading
 * `grad` instead hands it out for good: its memory then waits for garbage collection.
 */
export function gradientOf(leaf: Tensor): Tensor | undefined {
  checkTensor("gradientOf", leaf);
  return leaf.gradient as Tensor | undefined;
}

/** A gradient of some rows of a table. */
export type RowGradient = {
  /** [count], int32. */
  readonly indices: Tensor;
  /** [count, width]: row i belongs to row `indices[i]` of the table; rows of one index add up. */
  readonly values: Tensor;
  /** The values as `weights` [rows, picks] times `vectors` [rows, width], where they came so: see `addWeightedRows`. */
  readonly products?: { readonly weights: Tensor; readonly vectors: Tensor };
};

/**
 * The gradient of a leaf that some rows only reach (`embedding` with `sparse`). Undefined when the gradient is dense or missing.
 */
export function rowGradientOf(leaf: Tensor): RowGradient | undefined {
  checkTensor("rowGradientOf", leaf);
  const { rowGradients } = leaf;
  if (rowGradients.length === 0) return undefined;
  if (rowGradients.length === 1) {
    const { ids: indices, rows: values, products } = rowGradients[0]!;
    return { indices, values, ...(products && { products }) } as RowGradient;
  }
  const join = (parts: readonly Variable[]): Tensor =>
    withGrad("rowGradientOf", false, () => cat(parts as readonly Tensor[]));
  return { indices: join(rowGradients.map((r) => r.ids)), values: join(rowGradients.map((r) => r.rows)) };
}

/** Replaces the rows of a row-sparse gradient, for clipping and scaling. */
export function replaceRowGradient(leaf: Tensor, indices: Tensor, values: Tensor): void {
  sameDevice("replaceRowGradient", [leaf, indices, values]);
  const size = leaf.shape[0]!;
  leaf.rowGradients = [{ ids: indices, rows: values, dense: () => scatterAddRows<Variable>(values, indices, size) }];
}

/** Replaces the gradient of a leaf by a value computed from it. @throws TensorError `shape`, `dtype` */
export function replaceGradient(leaf: Tensor, gradient: Tensor): void {
  checkGradient("replaceGradient", leaf, gradient);
  tape.replaceGradient(leaf, gradient);
}

/** Adds to the gradients of leaves, as `backward` does. @throws TensorError `shape`, `dtype` */
export function addGradients(gradients: ReadonlyMap<Tensor, Tensor>): void {
  if (!(gradients instanceof Map)) throw argumentError("addGradients", "gradients", "a Map of tensors", gradients);
  for (const [leaf, gradient] of gradients) checkGradient("addGradients", leaf, gradient);
  tape.addGradients(gradients);
}

function checkGradient(op: string, leaf: Tensor, gradient: Tensor): void {
  sameDevice(op, [leaf, gradient]);
  if (!sameShape(leaf.shape, gradient.shape)) {
    throw shapeError(op, "a gradient has the shape of its tensor", [gradient.shape, leaf.shape]);
  }
  if (leaf.dtype !== gradient.dtype) {
    const message = `${op}: a gradient has the dtype of its tensor, got ${gradient.dtype}, expected ${leaf.dtype}`;
    throw new TensorError("dtype", message, { op });
  }
}

/** Keeps a value readable across the next update: it is computed before anything is overwritten. Returns it. */
export function keep(t: Tensor): Tensor {
  checkTensor("keep", t);
  t.device.keep(t.value);
  return t;
}

/**
 * The values of a tensor, row-major, where the host still holds them (data not used yet, or small and read); undefined
 * where only the device does. For checks at the call, where a read would have to be awaited.
 */
export function hostValues(t: Tensor): Readonly<DataArray> | undefined {
  checkTensor("hostValues", t);
  return hostValuesOf(t.value, t.layout);
}

type Returned =
  | Tensor
  | undefined
  | null
  | undefined
  | number
  | boolean
  | string
  | readonly Returned[]
  | { readonly [key: string]: Returned };

/**
 * Frees what was realized inside `fn` and is not part of its result (a tensor, or arrays and objects of tensors).
 * Parameters, optimizer state and what was there before stay. @throws TensorError `state` when `fn` returns a promise
 */
export function scope<R extends Returned>(fn: () => R, device: Device = defaultDevice()): R {
  checkFunction("scope", "the callback", fn);
  if (!(device instanceof Device)) throw argumentError("scope", "device", "a Device", device);
  device.openScope();
  let result: R | undefined;
  try {
    result = refusePromise("scope", fn());
    return result;
  } finally {
    const survivors = new Set<Node>();
    collect(result, survivors);
    device.closeScope(survivors);
  }
}

function collect(x: Returned, into: Set<Node>): void {
  if (x instanceof Tensor) {
    into.add(x.value.node);
    const data = x.value.node.leaves?.[x.value.index];
    if (data) into.add(data);
  } else if (Array.isArray(x)) for (const y of x) collect(y, into);
  else if (typeof x === "object" && x !== null) for (const y of Object.values(x)) collect(y, into);
}
