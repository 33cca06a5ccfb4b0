// Pooling along the last axis of [batch, channels, length] or [channels, length]: the largest or the mean of each window.

import { checkFlag, checkInteger, checkOptions } from "../../arguments.js";
import { ones } from "../../creation.js";
import { argumentError, shapeError } from "../../errors.js";
import { cat } from "../../functions.js";
import { positions } from "../../ops/index.js";
import type { Tensor } from "../../tensor.js";
import { any, checkFloat, checkShape } from "../checks.js";
import { spanOf, type Windows, windowsOf } from "./windows.js";

/** How windows walk over an input, for every pooling. */
export type PoolOptions = {
  /** How far apart the windows are; the kernel's size unless given. */
  readonly stride?: number;
  /** How many elements there are before and after the input that count as nothing; 0 unless given, at most half a window. */
  readonly padding?: number;
  /** Whether a last window may reach over the end; false unless given. */
  readonly ceilMode?: boolean;
};

/** Options of `maxPool1d`. */
export type MaxPool1dOptions = PoolOptions & {
  /** How far apart the elements of a window are; 1 unless given. */
  readonly dilation?: number;
};

/** Options of `avgPool1d`. */
export type AvgPool1dOptions = PoolOptions & {
  /** Whether padding counts as elements of value 0; true unless given. */
  readonly countIncludePad?: boolean;
};

/** The names of `MaxPool1dOptions`. */
export const maxPoolOptions = ["stride", "padding", "dilation", "ceilMode"] as const;
/** The names of `AvgPool1dOptions`. */
export const avgPoolOptions = ["stride", "padding", "ceilMode", "countIncludePad"] as const;

type Pool = { readonly windows: Windows; readonly padding: number; readonly ceilMode: boolean };

/** The options in force. @throws TensorError `argument` */
export function resolvePool(op: string, size: number, options: MaxPool1dOptions): Pool {
  checkInteger(op, "kernelSize", size, 1);
  const { stride = size, padding = 0, dilation = 1, ceilMode = false } = options;
  checkInteger(op, "stride", stride, 1);
  checkInteger(op, "dilation", dilation, 1);
  checkFlag(op, "ceilMode", ceilMode);
  const windows = { size, stride, dilation };
  const most = Math.floor(spanOf(windows) / 2);
  if (!Number.isInteger(padding) || padding < 0 || padding > most) {
    throw argumentError(op, "padding", `an integer from 0 to ${most}, half a window`, padding);
  }
  return { windows, padding, ceilMode };
}

function checkSequences(op: string, x: Tensor): void {
  checkFloat(op, "the input", x);
  checkShape(op, "the input", x, [...(x.ndim === 2 ? [] : [any]), any, any], true);
}

/** How many elements after the padding a last window reaches, where it may. A window that begins after the input is none. */
function overhang(length: number, { windows, padding, ceilMode }: Pool): number {
  if (!ceilMode) return 0;
  const rest = length + 2 * padding - spanOf(windows);
  const last = Math.min(Math.ceil(rest / windows.stride), Math.ceil((length + padding) / windows.stride) - 1);
  return Math.max(0, last * windows.stride - rest);
}

/** The largest along the last axis; the gradient goes to the first of equals, as in PyTorch. */
function largest(x: Tensor): Tensor {
  const isFirst = positions(x, x.ndim - 1).eq(x.argmax(-1, true));
  return isFirst.where(x, 0).sum(-1).to(x.dtype);
}

const average = (x: Tensor): Tensor => x.mean(-1);

/**
 * The largest of each window: [batch, channels, length] → [batch, channels, windows], or both without the batch. There are
 * `⌊(length + 2·padding − dilation·(kernelSize − 1) − 1)/stride⌋ + 1` windows. Of equals the first takes the gradient.
 * @throws TensorError `shape`, `dtype`, `argument`
 */
export function maxPool1d(x: Tensor, kernelSize: number, options: MaxPool1dOptions = {}): Tensor {
  const op = "maxPool1d";
  checkOptions(op, options, maxPoolOptions);
  const pool = resolvePool(op, kernelSize, options);
  checkSequences(op, x);
  const { windows, padding } = pool;
  const after = padding + overhang(x.size(-1), pool);
  return largest(windowsOf(op, x.pad(-1, padding, after, Number.NEGATIVE_INFINITY), x.ndim - 1, windows));
}

/**
 * The mean of each window: [batch, channels, length] → [batch, channels, windows], or both without the batch. There are
 * `⌊(length + 2·padding − kernelSize)/stride⌋ + 1` windows.
 * @throws TensorError `shape`, `dtype`, `argument`
 */
export function avgPool1d(x: Tensor, kernelSize: number, options: AvgPool1dOptions = {}): Tensor {
  const op = "avgPool1d";
  checkOptions(op, options, avgPoolOptions);
  const { countIncludePad = true, ...walk } = options;
  checkFlag(op, "countIncludePad", countIncludePad);
  const pool = resolvePool(op, kernelSize, walk);
  checkSequences(op, x);
  const { windows, padding } = pool;
  const length = x.size(-1);
  const over = overhang(length, pool);
  const cut = (from: Tensor, before: number, after: number): Tensor =>
    windowsOf(op, from.pad(-1, before, after), from.ndim - 1, windows);
  const rows = cut(x, padding, padding + over);
  if (over === 0 && (countIncludePad || padding === 0)) return average(rows);
  const { dtype, device } = x;
  const counted = countIncludePad
    ? cut(ones(length + 2 * padding, { dtype, device }), 0, over)
    : cut(ones(length, { dtype, device }), padding, padding + over);
  return rows.sum(-1).div(counted.sum(-1)).to(dtype);
}

/** `size` windows over the whole of the last axis, of one length where that divides, each reduced to one element. */
function adaptive(op: string, x: Tensor, size: number, reduce: (window: Tensor) => Tensor): Tensor {
  checkInteger(op, "outputSize", size, 1);
  checkSequences(op, x);
  const length = x.size(-1);
  if (length === 0) throw shapeError(op, "has no value over an empty axis", [x.shape]);
  if (length % size === 0) return reduce(x.reshape(...x.shape.slice(0, -1), size, length / size));
  const parts = Array.from({ length: size }, (_, i) => {
    const [from, to] = [Math.floor((i * length) / size), Math.ceil(((i + 1) * length) / size)];
    return reduce(x.slice(-1, from, to)).unsqueeze(-1);
  });
  return cat(parts, -1);
}

/**
 * The largest of each of `outputSize` windows over the whole length, from ⌊i·length/outputSize⌋ to
 * ⌈(i + 1)·length/outputSize⌉: [batch, channels, length] → [batch, channels, outputSize], or both without the batch. Of equals
 * the first takes the gradient. @throws TensorError `shape`, `dtype`, `argument`
 */
export const adaptiveMaxPool1d = (x: Tensor, outputSize: number): Tensor =>
  adaptive("adaptiveMaxPool1d", x, outputSize, largest);

/**
 * The mean of each of `outputSize` windows over the whole length, from ⌊i·length/outputSize⌋ to
 * ⌈(i + 1)·length/outputSize⌉: [batch, channels, length] → [batch, channels, outputSize], or both without the batch.
 * @throws TensorError `shape`, `dtype`, `argument`
 */
export const adaptiveAvgPool1d = (x: Tensor, outputSize: number): Tensor =>
  adaptive("adaptiveAvgPool1d", x, outputSize, average);
