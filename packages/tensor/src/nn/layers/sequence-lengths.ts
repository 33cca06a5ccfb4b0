// Lengths of the sequences of a batch, as users give them and as kernels read them.

import { hostValues } from "../../control.js";
import { tensor } from "../../creation.js";
import { isInteger } from "../../dtype.js";
import { argumentError, TensorError } from "../../errors.js";
import type { Device } from "../../graph/device.js";
import { Tensor } from "../../tensor.js";
import { checkShape } from "../checks.js";

/** Lengths as an int32 [batch] tensor. @throws TensorError `shape`, `dtype`, or `argument` for one the host knows to be outside [0, longest] */
export function lengthsTensor(
  op: string,
  lengths: Tensor | readonly number[],
  batch: number,
  longest: number,
  device: Device,
): Tensor {
  const given = lengths instanceof Tensor ? lengths : tensor(lengths, { dtype: "int32", device });
  checkShape(op, "lengths", given, [batch], true);
  if (!isInteger(given.dtype)) {
    throw new TensorError("dtype", `${op}: lengths must be integers, got ${given.dtype}, expected int32`, { op });
  }
  const known = lengths instanceof Tensor ? hostValues(lengths) : lengths;
  const bad = known?.findIndex((n: number) => !Number.isInteger(n) || n < 0 || n > longest) ?? -1;
  if (bad >= 0) throw argumentError(op, `lengths[${bad}]`, `an integer from 0 to ${longest}`, known![bad]);
  return given.to("int32");
}
