// Scaled dot-product attention. Masks are conditions inside the softmax, and a query that may see nothing gives zeros.

import { checkFlag, checkOptions } from "../../arguments.js";
import { checkTensor } from "../../autograd/checks.js";
import { noGrad } from "../../control.js";
import { zeros } from "../../creation.js";
import { isFloat } from "../../dtype.js";
import { argumentError, shapeError, TensorError } from "../../errors.js";
import { logicalOr, matmul } from "../../functions.js";
import { fusedAttention } from "../../ops/attention.js";
import {
  causalMaskedSoftmaxRow,
  causalSoftmaxRow,
  maskedSoftmaxRow,
  positions,
  scaledSoftmaxRow,
} from "../../ops/index.js";
import type { Generator } from "../../random.js";
import type { Shape } from "../../shape.js";
import type { Tensor } from "../../tensor.js";
import { checkFloat } from "../checks.js";
import { dropout } from "./dropout.js";

/** Options of `scaledDotProductAttention`. */
export type AttentionOptions = {
  /** Broadcast to [..., queries, keys]. Boolean: true takes part. Floating: added to the scores. */
  readonly attnMask?: Tensor;
  /** Probability that a weight is dropped; 0 unless given. */
  readonly dropoutP?: number;
  /** Query i sees keys 0 to i; may be combined with `attnMask`. */
  readonly isCausal?: boolean;
  /** 1/√width unless given. */
  readonly scale?: number;
  /** What dropout draws from. */
  readonly generator?: Generator;
};

/**
 * `softmax(q kᵀ·scale + mask) v`: query [..., L, E], key [..., S, E], value [..., S, V]; gives [..., L, V]. A query that
 * may see no key gives zeros, and no gradient. @throws TensorError `shape`, `dtype`, `argument`
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions = {},
): Tensor {
  const op = "scaledDotProductAttention";
  checkOptions(op, options, ["attnMask", "dropoutP", "isCausal", "scale", "generator"]);
  const { attnMask, dropoutP = 0, isCausal = false, scale, generator } = options;
  checkFlag(op, "isCausal", isCausal);
  if (attnMask !== undefined) checkTensor(op, attnMask, "attnMask");
  checkFloat(op, "the key", key);
  checkFloat(op, "the value", value);
  if (value.ndim < 2 || value.shape[value.ndim - 2] !== key.shape[key.ndim - 2]) {
    throw shapeError(op, "there must be one value for each key", [key.shape, value.shape]);
  }
  const factor = checkedScale(op, query, key, scale);
  const plain = !attnMask && dropoutP === 0;
  const fused = plain ? fusedAttention([query, key, value], { causal: isCausal, scale: factor }) : undefined;
  if (fused) return fused;
  const mask: AttentionMask = { causal: isCausal };
  if (attnMask?.dtype === "bool") mask.ignore = attnMask.logicalNot();
  else if (attnMask) mask.bias = attnMask;
  const weights = attentionWeights(op, query, key, mask, factor);
  return matmul(dropout(weights, dropoutP, generator && { generator }), value);
}

/** What keeps a query from seeing a key; all of it applies. */
export type AttentionMask = {
  /** True is not seen; broadcast to the scores. */
  ignore?: Tensor | undefined;
  /** Added to the scores, broadcast. */
  bias?: Tensor | undefined;
  /** Query i sees keys 0 to i. */
  causal?: boolean;
};

/** `softmax(q kᵀ·scale)` under a mask, [..., queries, keys]. @throws TensorError `shape`, `dtype` */
export function attentionWeights(
  op: string,
  query: Tensor,
  key: Tensor,
  { ignore, bias, causal = false }: AttentionMask,
  scale?: number,
): Tensor {
  const products = matmul(query, key.T);
  const factor = checkedScale(op, query, key, scale);
  // What is added comes after the scale.
  const scores = bias
    ? products.mul(factor).add(fitting(op, bias, products.shape, isFloat(bias.dtype), "bool or floating"))
    : products;
  const rest = [bias ? 1 : factor];
  const left = ignore && fitting(op, ignore, scores.shape, ignore.dtype === "bool", "bool").expand(scores.shape);
  if (!causal) return left ? maskedSoftmaxRow([scores, left], rest) : scaledSoftmaxRow([scores], rest);
  const last = lastSeen(scores);
  return left ? causalMaskedSoftmaxRow([scores, left, last], rest) : causalSoftmaxRow([scores, last], rest);
}

// The scale of the scores; 1/√width unless given.
function checkedScale(op: string, query: Tensor, key: Tensor, scale: number | undefined): number {
  checkFloat(op, "the query", query);
  checkFloat(op, "the key", key);
  const width = query.shape[query.ndim - 1];
  if (query.ndim < 2 || key.ndim < 2 || width !== key.shape[key.ndim - 1]) {
    throw shapeError(op, "query and key must be […, length, width] of one width", [query.shape, key.shape]);
  }
  if (scale !== undefined && !Number.isFinite(scale)) throw argumentError(op, "scale", "a finite number", scale);
  return scale ?? 1 / Math.sqrt(width!);
}

/** The last key that each query may see, [..., queries], without memory of its own. */
function lastSeen(scores: Tensor): Tensor {
  const queries = scores.shape.slice(0, -1);
  const { device } = scores;
  return noGrad(() => positions(zeros(queries.slice(-1), { dtype: "int32", device }), 0).expand(queries));
}

/** Which queries may see no key in any head, to be broadcast to [batch, queries, 1]; undefined when all see some. */
export function blindQueries(
  { ignore, bias, causal }: AttentionMask,
  queries: number,
  keys: number,
): Tensor | undefined {
  const hidden = [ignore, bias?.eq(Number.NEGATIVE_INFINITY)].filter((m) => m !== undefined);
  if (hidden.length === 0) return undefined;
  if (causal) {
    const grid = zeros([queries, keys], { dtype: "int32", device: hidden[0]!.device });
    hidden.push(positions(grid, 1).gt(positions(grid, 0)));
  }
  const blind = hidden.reduce((a, b) => logicalOr(a, b)).all(-1);
  const [batch, heads, length] = [...new Array<number>(3 - blind.ndim).fill(1), ...blind.shape];
  return heads === 1 ? blind.reshape(batch!, length!, 1) : blind.reshape(batch!, heads!, length!, 1).all(1);
}

function fitting(op: string, mask: Tensor, scores: Shape, fits: boolean, expected: string): Tensor {
  if (!fits) {
    throw new TensorError(
      "dtype",
      `${op}: the mask has the wrong dtype, got ${mask.dtype}, expected ${expected}; compare integers with 0 first`,
      { op },
    );
  }
  const shift = scores.length - mask.ndim;
  if (shift < 0 || mask.shape.some((d, i) => d !== 1 && d !== scores[i + shift])) {
    throw shapeError(op, `the mask does not broadcast to the scores [${scores.join(", ")}]`, [mask.shape]);
  }
  return mask;
}
