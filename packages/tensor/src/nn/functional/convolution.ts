// Convolution along one axis as one product: the windows of the input are its rows, so its gradients, its kernels and its
// 16 bits are those of matmul.

import { checkInteger, checkOptions } from "../../arguments.js";
import { argumentError, shapeError } from "../../errors.js";
import { matmul } from "../../functions.js";
import type { Tensor } from "../../tensor.js";
import { any, checkFloat, checkShape } from "../checks.js";
import { addBias, linear } from "./linear.js";
import { spanOf, type Windows, windowsOf } from "./windows.js";

/** How a kernel walks over an input. */
export type ConvolutionOptions = {
  /** How far apart the windows are; 1 unless given. */
  readonly stride?: number;
  /**
   * How many zeros there are before and after the input; "valid" for none, "same" for as many as keep its length (the odd one
   * after it); 0 unless given.
   */
  readonly padding?: number | "same" | "valid";
  /** How far apart the elements of a window are; 1 unless given. */
  readonly dilation?: number;
  /** Into how many parts the channels are divided, each with its own outputs; 1 unless given. */
  readonly groups?: number;
};

/** The names of `ConvolutionOptions`. */
export const convolutionOptions = ["stride", "padding", "dilation", "groups"] as const;

/** Options of `conv1d`. */
export type Conv1dOptions = ConvolutionOptions & {
  /** [outChannels]. */
  readonly bias?: Tensor;
};

/** The options in force. @throws TensorError `argument` */
export function resolveConvolution(op: string, options: ConvolutionOptions): Required<ConvolutionOptions> {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  for (const [name, value] of Object.entries({ stride, dilation, groups })) checkInteger(op, name, value, 1);
  const isAmount = Number.isInteger(padding) && (padding as number) >= 0;
  if (!isAmount && padding !== "same" && padding !== "valid") {
    throw argumentError(op, "padding", 'an integer of at least 0, "same" or "valid"', padding);
  }
  if (padding === "same" && stride !== 1) throw argumentError(op, "stride", '1 where padding is "same"', stride);
  return { stride, padding, dilation, groups };
}

function paddingOf(padding: number | "same" | "valid", windows: Windows): readonly [number, number] {
  if (padding === "valid") return [0, 0];
  if (padding !== "same") return [padding, padding];
  const total = spanOf(windows) - 1;
  const before = Math.floor(total / 2);
  return [before, total - before];
}

/**
 * `y[o, l] = b[o] + Σ_{i,k} W[o, i, k] x[i, l·stride + k·dilation]`: x [batch, in, length] or [in, length], weight
 * [out, in / groups, size]; gives [batch, out, windows] or [out, windows]. The kernel is not flipped, as in PyTorch.
 * @throws TensorError `shape`, `dtype`, `argument`
 */
export function conv1d(x: Tensor, weight: Tensor, options: Conv1dOptions = {}): Tensor {
  const op = "conv1d";
  checkOptions(op, options, ["bias", ...convolutionOptions]);
  const { stride, padding, dilation, groups } = resolveConvolution(op, options);
  const { bias } = options;
  checkFloat(op, "the input", x);
  checkFloat(op, "the weight", weight);
  checkShape(op, "the weight", weight, [any, any, any], true);
  const [outputs, inputs, size] = weight.shape as [number, number, number];
  if (outputs % groups !== 0) throw argumentError(op, "groups", `a divisor of the ${outputs} outputs`, groups);
  if (size === 0) throw shapeError(op, "a kernel needs at least one element", [weight.shape]);
  checkShape(op, "the input", x, [...(x.ndim === 2 ? [] : [any]), inputs * groups, any], true);
  if (bias !== undefined) {
    checkFloat(op, "the bias", bias);
    checkShape(op, "the bias", bias, [outputs], true);
  }
  const windows = { size, stride, dilation };
  const [before, after] = paddingOf(padding, windows);
  const batch = x.ndim === 2 ? x.unsqueeze(0) : x;
  // Channels last: an embedding's vectors lie so, and a window is then one piece of memory.
  const steps = batch.permute(0, 2, 1);
  const padded = before + after > 0 ? steps.pad(1, before, after) : steps;
  // [batch, windows, size, channels]
  const rows = windowsOf(op, padded, 1, windows);
  const y = groups === 1 ? joined(rows, weight, bias) : grouped(rows, weight, bias, groups);
  const ordered = y.permute(0, 2, 1);
  return x.ndim === 2 ? ordered.squeeze(0) : ordered;
}

function joined(rows: Tensor, weight: Tensor, bias: Tensor | undefined): Tensor {
  const [batch, count, size, channels] = rows.shape as [number, number, number, number];
  // Windows overlap in memory, which not every library's product allows: they are copied apart.
  const matrix = rows.reshape(batch, count, size * channels).contiguous();
  return linear(matrix, weight.permute(0, 2, 1).reshape(weight.shape[0]!, size * channels), bias);
}

/** The same with channels in groups: a batch of products, one a group. */
function grouped(rows: Tensor, weight: Tensor, bias: Tensor | undefined, groups: number): Tensor {
  const [batch, count, size, channels] = rows.shape as [number, number, number, number];
  const [outputs, inputs] = weight.shape as [number, number];
  const length = size * inputs;
  const left = rows
    .reshape(batch, count, size, groups, channels / groups)
    .permute(3, 0, 1, 2, 4)
    .reshape(groups, batch * count, length)
    .contiguous();
  const right = weight
    .reshape(groups, outputs / groups, inputs, size)
    .permute(0, 3, 2, 1)
    .reshape(groups, length, outputs / groups);
  const y = matmul(left, right).permute(1, 0, 2).reshape(batch, count, outputs);
  return addBias(y, bias);
}
