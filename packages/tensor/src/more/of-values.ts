// What depends on values: the size of the result, or a decision. The values are read, so all of these are asynchronous.

import { checkFlag, checkInteger, checkOptions } from "../arguments.js";
import { checkTensor } from "../autograd/checks.js";
import { sameDevice } from "../autograd/program-op.js";
import { tensor } from "../creation.js";
import { isInteger } from "../dtype.js";
import { argumentError, shapeError, TensorError } from "../errors.js";
import { indexSelect } from "../functions.js";
import { contiguousStrides, sameShape } from "../shape.js";
import type { Tensor } from "../tensor.js";

/** Row-major positions of what is not 0. */
async function places(x: Tensor): Promise<Int32Array> {
  const values = await x.data();
  const found: number[] = [];
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) found.push(i);
  return Int32Array.from(found);
}

/** The index of each element that is not 0, row by row: int32 [count, axes]. */
export async function nonzero(x: Tensor): Promise<Tensor> {
  checkTensor("nonzero", x);
  const flat = await places(x);
  const strides = contiguousStrides(x.shape);
  const index = Int32Array.from({ length: flat.length * x.ndim }, (_, i) => {
    const axis = i % x.ndim;
    return Math.floor(flat[(i - axis) / x.ndim]! / strides[axis]!) % x.shape[axis]!;
  });
  return tensor(index, { shape: [flat.length, x.ndim], device: x.device });
}

/** The elements where a mask of x's shape is not 0, row by row; gradients flow to them. @throws TensorError `shape` */
export async function maskedSelect(x: Tensor, mask: Tensor): Promise<Tensor> {
  sameDevice("maskedSelect", [x, mask]);
  if (!sameShape(x.shape, mask.shape))
    throw shapeError("maskedSelect", "the mask must have the tensor's shape", [mask.shape, x.shape]);
  const ids = tensor(await places(mask), { device: x.device });
  return indexSelect(x.reshape(x.numel), 0, ids);
}

/** What `unique` gives. */
export type Unique = {
  /** The different values, ascending. */
  readonly values: Tensor;
  /** Which of them each element is: int32, in x's shape. */
  readonly inverse: Tensor;
  /** How often each occurs: int32. */
  readonly counts: Tensor;
};

/** The different values of x, ascending, with the place and number of each. Takes part in no gradient. */
export async function unique(x: Tensor): Promise<Unique> {
  checkTensor("unique", x);
  const data = await x.data();
  const sorted = data.slice().sort();
  const values = sorted.filter((value, i) => i === 0 || value !== sorted[i - 1]);
  const place = new Map([...values].map((value, i) => [value, i]));
  const counts = new Int32Array(values.length);
  const inverse = Int32Array.from(data, (value) => {
    const at = place.get(value)!;
    counts[at]!++;
    return at;
  });
  const { device, dtype } = x;
  return {
    values: tensor(values, { dtype, device }),
    inverse: tensor(inverse, { shape: x.shape, device }),
    counts: tensor(counts, { device }),
  };
}

/**
 * How often each integer from 0 on occurs in a vector: int32, at least `minLength` of them.
 * @throws TensorError `dtype`, `shape`, `index` for one below 0
 */
export async function bincount(ids: Tensor, minLength = 0): Promise<Tensor> {
  checkTensor("bincount", ids, "ids");
  checkInteger("bincount", "minLength", minLength, 0);
  if (!isInteger(ids.dtype))
    throw new TensorError(
      "dtype",
      `bincount: ids must be integers, got ${ids.dtype}, expected int32 (as x.to("int32") gives)`,
    );
  if (ids.ndim !== 1) throw shapeError("bincount", "ids must be a vector", [ids.shape]);
  const data = await ids.data();
  const wrong = data.find((id) => id < 0);
  if (wrong !== undefined)
    throw new TensorError("index", `bincount: ids must not be below 0, got ${wrong}`, { id: wrong });
  let length = minLength;
  for (const id of data) length = Math.max(length, id + 1);
  const counts = new Int32Array(length);
  for (const id of data) counts[id]!++;
  return tensor(counts, { device: ids.device });
}

/** Options of `allclose`. */
export type AllcloseOptions = {
  /** 1e-5 unless given. */
  readonly rtol?: number;
  /** 1e-8 unless given. */
  readonly atol?: number;
  /** Whether NaN equals NaN; false unless given. */
  readonly equalNan?: boolean;
};

/** Whether `|a − b| ≤ atol + rtol·|b|` everywhere, broadcast. @throws TensorError `shape`, `argument` */
export async function allclose(a: Tensor, b: Tensor, options: AllcloseOptions = {}): Promise<boolean> {
  sameDevice("allclose", [a, b]);
  checkOptions("allclose", options, ["rtol", "atol", "equalNan"]);
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options;
  for (const [name, value] of Object.entries({ rtol, atol }))
    if (!(typeof value === "number" && value >= 0))
      throw argumentError("allclose", name, "a number of at least 0", value);
  checkFlag("allclose", "equalNan", equalNan);
  const near = a.sub(b).abs().le(b.abs().mul(rtol).add(atol)).logicalOr(a.eq(b));
  const both = equalNan ? near.logicalOr(a.isnan().logicalAnd(b.isnan())) : near;
  return (await both.all().item()) === 1;
}
