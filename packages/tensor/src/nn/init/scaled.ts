// Initialisation scaled by how many inputs and outputs a weight joins: Xavier, Kaiming, orthogonal.

import { checkFinite, checkOptions } from "../../arguments.js";
import { fromTypedArray, randn } from "../../creation.js";
import { makeData } from "../../dtype.js";
import { argumentError, shapeError, TensorError } from "../../errors.js";
import type { Shape } from "../../shape.js";
import type { Tensor } from "../../tensor.js";
import { checkFloat } from "../checks.js";
import type { DrawOptions } from "./fill.js";
import { orthonormalColumns } from "./orthonormal.js";
import { like, normalValues, uniformValues } from "./values.js";

/** The activation that a gain is for. */
export type Nonlinearity = "linear" | "sigmoid" | "tanh" | "relu" | "leakyRelu" | "selu";

const gains = {
  linear: () => 1,
  sigmoid: () => 1,
  tanh: () => 5 / 3,
  relu: () => Math.SQRT2,
  leakyRelu: (slope) => Math.sqrt(2 / (1 + slope ** 2)),
  selu: () => 3 / 4,
} as const satisfies Record<Nonlinearity, (slope: number) => number>;

/** The factor that keeps the variance across an activation. `slope` is leakyRelu's. @throws TensorError `argument` */
export function calculateGain(nonlinearity: Nonlinearity, slope = 0.01): number {
  if (!Object.hasOwn(gains, nonlinearity)) {
    throw argumentError("init.calculateGain", "nonlinearity", Object.keys(gains).join(", "), nonlinearity);
  }
  checkFinite("init.calculateGain", "slope", slope);
  return gains[nonlinearity](slope);
}

/** How many inputs and outputs a weight [out, in, …] joins. @throws TensorError `shape` below two axes */
function fanInAndOut(op: string, shape: Shape): { readonly fanIn: number; readonly fanOut: number } {
  if (shape.length < 2) throw shapeError(op, "the tensor needs at least two axes", [shape]);
  const field = shape.slice(2).reduce((n, d) => n * d, 1);
  return { fanIn: shape[1]! * field, fanOut: shape[0]! * field };
}

/** Options of `xavierUniform` and `xavierNormal`. */
export type XavierOptions = DrawOptions & {
  /** 1 unless given. */
  readonly gain?: number;
};

function checkScaled(op: string, t: Tensor, options: XavierOptions): void {
  checkFloat(op, "the tensor", t);
  checkOptions(op, options, ["gain", "generator"]);
  if (options.gain !== undefined) checkFinite(op, "gain", options.gain);
}

/** The standard deviation of Xavier's initialisation: `gain·√(2/(in + out))`. */
export function xavierDeviation(op: string, shape: Shape, gain = 1): number {
  const { fanIn, fanOut } = fanInAndOut(op, shape);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}

/**
 * Overwrites a leaf [out, in, …] with uniform values of standard deviation `gain·√(2/(in + out))` (Glorot & Bengio
 * 2010). Returns it. @throws TensorError `shape`, `dtype`
 */
export function xavierUniform(t: Tensor, options: XavierOptions = {}): Tensor {
  checkScaled("init.xavierUniform", t, options);
  return uniformOf(t, xavierDeviation("init.xavierUniform", t.shape, options.gain), options);
}

/** The same with normal values. Returns it. @throws TensorError `shape`, `dtype` */
export function xavierNormal(t: Tensor, options: XavierOptions = {}): Tensor {
  checkScaled("init.xavierNormal", t, options);
  return normalOf(t, xavierDeviation("init.xavierNormal", t.shape, options.gain), options);
}

/** Options of `kaimingUniform` and `kaimingNormal`. */
export type KaimingOptions = DrawOptions & {
  /** Negative slope of leakyRelu; 0 unless given. */
  readonly a?: number;
  /** Whether the variance is kept forwards or backwards; "fanIn" unless given. */
  readonly mode?: "fanIn" | "fanOut";
  /** "leakyRelu" unless given. */
  readonly nonlinearity?: Nonlinearity;
};

/**
 * Overwrites a leaf [out, in, …] with uniform values of standard deviation `gain/√fan` (He et al., arXiv 1502.01852).
 * Returns it. @throws TensorError `shape`, `dtype`, `argument`
 */
export function kaimingUniform(t: Tensor, options: KaimingOptions = {}): Tensor {
  return uniformOf(t, kaimingDeviation("init.kaimingUniform", t, options), options);
}

/** The same with normal values. Returns it. @throws TensorError `shape`, `dtype`, `argument` */
export function kaimingNormal(t: Tensor, options: KaimingOptions = {}): Tensor {
  return normalOf(t, kaimingDeviation("init.kaimingNormal", t, options), options);
}

function kaimingDeviation(op: string, t: Tensor, options: KaimingOptions): number {
  checkFloat(op, "the tensor", t);
  checkOptions(op, options, ["a", "mode", "nonlinearity", "generator"]);
  const { a = 0, mode = "fanIn", nonlinearity = "leakyRelu" } = options;
  const fans = fanInAndOut(op, t.shape);
  if (!Object.hasOwn(fans, mode)) throw argumentError(op, "mode", '"fanIn" or "fanOut"', mode);
  return calculateGain(nonlinearity, a) / Math.sqrt(fans[mode]);
}

const uniformOf = (t: Tensor, std: number, options: DrawOptions): Tensor => {
  const bound = Math.sqrt(3) * std;
  return t.assign(uniformValues(t.shape, -bound, bound, like(t, options)));
};

const normalOf = (t: Tensor, std: number, options: DrawOptions): Tensor =>
  t.assign(normalValues(t.shape, 0, std, like(t, options)));

/**
 * Overwrites a leaf with `gain` times a matrix whose rows or columns, whichever are fewer, are orthonormal (Saxe et al.,
 * arXiv 1312.6120). The matrix is made on the host, so this is asynchronous. Returns the leaf.
 * @throws TensorError `shape`, `dtype`
 */
export async function orthogonal(t: Tensor, options: DrawOptions & { readonly gain?: number } = {}): Promise<Tensor> {
  checkScaled("init.orthogonal", t, options);
  const { gain = 1 } = options;
  if (t.ndim < 2) throw shapeError("init.orthogonal", "the tensor needs at least two axes", [t.shape]);
  if (t.numel === 0) return t;
  const rows = t.shape[0]!;
  const columns = t.numel / rows;
  const tall = rows >= columns;
  const [long, short] = tall ? [rows, columns] : [columns, rows];
  const drawn = await randn([short, long], like(t, options)).data();
  const basis = orthonormalColumns(Float64Array.from(drawn), short, long);
  if (!basis) throw new TensorError("state", "init.orthogonal: the random matrix was singular; draw again");
  const values = makeData(t.dtype, t.numel);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      values[i * columns + j] = gain * (tall ? basis[j * long + i]! : basis[i * long + j]!);
    }
  }
  return t.assign(fromTypedArray(values, t.shape, { device: t.device }));
}
