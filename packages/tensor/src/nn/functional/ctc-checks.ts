// What the CTC loss is given, checked before anything is recorded, and brought into one form.

import { checkTensor } from "../../autograd/checks.js";
import { hostValues } from "../../control.js";
import { tensor } from "../../creation.js";
import { isInteger } from "../../dtype.js";
import { argumentError, shapeError, TensorError } from "../../errors.js";
import { recorder } from "../../graph/recorder.js";
import { Tensor } from "../../tensor.js";
import { any, checkFloat, checkShape } from "../checks.js";

const op = "ctcLoss";

/** Lengths, one a sequence: integers in a tensor or a list. */
export type CtcLengths = Tensor | readonly number[];

/** The arguments in one form. */
export type CtcArguments = {
  /** [batch, length], int32; whatever the lengths leave out may be anything. */
  readonly labels: Tensor;
  /** Steps of each sequence, [batch]. */
  readonly times: Tensor;
  /** Labels of each sequence, [batch]. */
  readonly sizes: Tensor;
};

/** @throws TensorError `shape`, `dtype`, `argument`, `index` */
export function checkCtc(
  logProbabilities: Tensor,
  targets: Tensor,
  inputLengths: CtcLengths,
  targetLengths: CtcLengths,
  blank: number,
): CtcArguments {
  checkFloat(op, "logProbabilities", logProbabilities);
  checkShape(op, "logProbabilities", logProbabilities, [any, any, any], true);
  const [time, batch, classes] = logProbabilities.shape as [number, number, number];
  if (time === 0 || batch === 0) throw shapeError(op, "time and batch must not be 0", [logProbabilities.shape]);
  if (!Number.isInteger(blank) || blank < 0 || blank >= classes) {
    throw argumentError(op, "blank", `a class from 0 to ${classes - 1}`, blank);
  }
  checkIntegers("targets", targets);
  const times = lengthsOf("inputLengths", inputLengths, batch, time, logProbabilities);
  const padded = targets.ndim === 2;
  checkShape(op, "targets", targets, padded ? [batch, any] : [any], true);
  const limit = targets.shape[targets.ndim - 1]!;
  const sizes = lengthsOf("targetLengths", targetLengths, batch, limit, logProbabilities);
  checkLabels(targets, hostValues(sizes), classes, blank);
  const labels = padded ? targets : padTargets(targets, hostValues(sizes));
  return { labels: labels.to("int32"), times, sizes };
}

function checkIntegers(name: string, x: Tensor): void {
  checkTensor(op, x, name);
  if (isInteger(x.dtype)) return;
  throw new TensorError("dtype", `${op}: ${name} must be integers, got ${x.dtype}, expected int32`, { op });
}

function lengthsOf(name: string, given: CtcLengths, batch: number, limit: number, like: Tensor): Tensor {
  const lengths =
    given instanceof Tensor ? given : tensor(listed(name, given), { dtype: "int32", device: like.device });
  checkIntegers(name, lengths);
  checkShape(op, name, lengths, [batch], true);
  const wrong = hostValues(lengths)?.find((n) => n < 0 || n > limit);
  if (wrong !== undefined) throw argumentError(op, name, `integers from 0 to ${limit}`, wrong);
  return lengths;
}

function listed(name: string, given: readonly number[]): readonly number[] {
  if (!Array.isArray(given)) throw argumentError(op, name, "a tensor or a list of integers", given);
  const wrong = given.find((n) => !Number.isInteger(n));
  if (wrong !== undefined) throw argumentError(op, name, "integers", wrong);
  return given;
}

/** Targets that stand one after the other, as [batch, length]. */
function padTargets(targets: Tensor, sizes: ArrayLike<number> | undefined): Tensor {
  if (!sizes) {
    throw new TensorError(
      "unsupported",
      `${op}: targets in a vector need lengths that the host knows, got a computed tensor, expected a list`,
      { op },
    );
  }
  recorder()?.refuse("targets that stand one after the other were padded on the host");
  const list = Array.from(sizes);
  const total = list.reduce((a, b) => a + b, 0);
  if (total !== targets.numel) throw shapeError(op, `targets must be ${total}, as targetLengths says`, [targets.shape]);
  const length = Math.max(...list);
  let start = 0;
  const at = list.map((size) => {
    const row = Array.from({ length }, (_, k) => Math.min(start + k, total - 1));
    start += size;
    return row;
  });
  if (total === 0) return targets.reshape([list.length, 0]);
  return targets
    .gather(0, tensor(at.flat(), { dtype: "int32", device: targets.device }))
    .reshape([list.length, length]);
}

/** Tests the labels that count, where the host still holds them. */
function checkLabels(targets: Tensor, sizes: ArrayLike<number> | undefined, classes: number, blank: number): void {
  const labels = hostValues(targets);
  if (!labels || !sizes) return;
  const length = targets.shape[targets.ndim - 1]!;
  const position = labels.findIndex((label, i) => {
    const counts = targets.ndim === 1 || i % length < sizes[Math.floor(i / length)]!;
    return counts && (label < 0 || label >= classes || label === blank);
  });
  if (position < 0) return;
  const [label, expected] = [labels[position]!, `from 0 to ${classes - 1} and not the blank ${blank}`];
  throw new TensorError(
    "index",
    `${op}: no such label, got ${label} at position ${position}, expected one ${expected}`,
    {
      op,
      label,
      position,
      classes,
      blank,
    },
  );
}
