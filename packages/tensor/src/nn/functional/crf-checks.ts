// What the CRF functions are given, checked before anything is recorded.

import { isFloat, isInteger } from "../../dtype.js";
import { argumentError, shapeError, TensorError } from "../../errors.js";
import { type Shape, sameShape } from "../../shape.js";
import { dataNodeOf, Tensor } from "../../tensor.js";

/** The scores a linear-chain CRF learns. */
export type CrfScores = {
  /** [tags]: for the first tag of a sequence. */
  readonly start: Tensor;
  /** [tags]: for the last tag of a sequence. */
  readonly end: Tensor;
  /** [from, to]: for two neighbours. */
  readonly transitions: Tensor;
};

const checkOne = (op: string, name: string, value: Tensor, shape: Shape): void => {
  if (!(value instanceof Tensor)) throw argumentError(op, name, "a tensor", value === null ? "null" : typeof value);
  if (!sameShape(value.shape, shape))
    throw shapeError(op, `${name} must have shape [${shape.join(", ")}]`, [value.shape]);
};

/** @throws TensorError `shape`, `dtype`, `argument` */
export function checkScores(op: string, emissions: Tensor, mask: Tensor | undefined, scores: CrfScores): void {
  if (!(emissions instanceof Tensor)) throw argumentError(op, "emissions", "a tensor", typeof emissions);
  if (emissions.shape.length !== 3 || emissions.shape.includes(0))
    throw shapeError(op, "emissions must be [time, batch, tags] with none of them 0", [emissions.shape]);
  if (!isFloat(emissions.dtype))
    throw new TensorError(
      "dtype",
      `${op}: emissions must be floating, got ${emissions.dtype}, expected float32 or float64`,
    );
  const [time, batch, tags] = emissions.shape as [number, number, number];
  checkOne(op, "start", scores.start, [tags]);
  checkOne(op, "end", scores.end, [tags]);
  checkOne(op, "transitions", scores.transitions, [tags, tags]);
  if (mask !== undefined) checkOne(op, "mask", mask, [time, batch]);
}

/** The values of a tensor that the host holds whole. */
function hostValues(x: Tensor): ArrayLike<number> | undefined {
  const { host } = dataNodeOf(x);
  return host && isContiguous(x.layout) && host.length === x.numel ? host : undefined;
}

/** @throws TensorError `shape`, `dtype`, and `index` when the host knows of a wrong tag at a real place */
export function checkTags(op: string, emissions: Tensor, tags: Tensor, mask: Tensor | undefined): void {
  const [time, batch, count] = emissions.shape as [number, number, number];
  checkOne(op, "tags", tags, [time, batch]);
  if (!isInteger(tags.dtype))
    throw new TensorError("dtype", `${op}: tags must be integers, got ${tags.dtype}, expected int32`);
}
