// What the CRF functions are given, checked before anything is recorded.

import { checkOptions } from "../../arguments.js";
import { checkTensor } from "../../autograd/checks.js";
import { hostValues } from "../../control.js";
import { isInteger } from "../../dtype.js";
import { shapeError, TensorError } from "../../errors.js";
import type { Shape } from "../../shape.js";
import type { Tensor } from "../../tensor.js";
import { checkFloat, checkShape } from "../checks.js";

/** The scores a linear-chain CRF learns. */
export type CrfScores = {
  /** [tags]: for the first tag of a sequence. */
  readonly start: Tensor;
  /** [tags]: for the last tag of a sequence. */
  readonly end: Tensor;
  /** [from, to]: for two neighbours. */
  readonly transitions: Tensor;
};

function checkWhole(op: string, name: string, value: Tensor, shape: Shape): void {
  checkTensor(op, value, name);
  checkShape(op, name, value, shape, true);
}

/** @throws TensorError `shape`, `dtype`, `argument` */
export function checkLattice(op: string, emissions: Tensor, mask: Tensor | undefined, scores: CrfScores): void {
  checkFloat(op, "emissions", emissions);
  checkOptions(op, scores, ["start", "end", "transitions"]);
  const { shape } = emissions;
  if (shape.length !== 3 || shape.includes(0))
    throw shapeError(op, "emissions must be [time, batch, tags], none of them 0", [shape]);
  const [time, batch, tags] = shape as [number, number, number];
  checkWhole(op, "start", scores.start, [tags]);
  checkWhole(op, "end", scores.end, [tags]);
  checkWhole(op, "transitions", scores.transitions, [tags, tags]);
  if (mask !== undefined) checkWhole(op, "mask", mask, [time, batch]);
}

/** @throws TensorError `shape`, `dtype`, and `index` when the host knows of a wrong tag at a real place */
export function checkTags(op: string, emissions: Tensor, tags: Tensor, mask: Tensor | undefined): void {
  const [time, batch, count] = emissions.shape as [number, number, number];
  checkWhole(op, "tags", tags, [time, batch]);
  if (!isInteger(tags.dtype))
    throw new TensorError("dtype", `${op}: tags must be integers, got ${tags.dtype}, expected int32`);
  const known = hostValues(tags);
  const real = mask && hostValues(mask);
  if (!known || (mask && !real)) return;
  const position = known.findIndex((tag, i) => (tag < 0 || tag >= count) && (real === undefined || real[i] !== 0));
  if (position < 0) return;
  const [tag, at, sequence] = [known[position], Math.floor(position / batch), position % batch];
  throw new TensorError(
    "index",
    `${op}: no such tag, got ${tag} at place ${at} of sequence ${sequence}, expected [0, ${count - 1}]`,
    { op, tag, place: at, sequence, tags: count },
  );
}
