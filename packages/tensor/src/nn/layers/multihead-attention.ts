// Multi-head attention (Vaswani et al., arXiv 1706.03762) with PyTorch's parameters, layouts and masks.

import { zeros } from "../../creation.js";
import { isFloat } from "../../dtype.js";
import { argumentError, shapeError, TensorError } from "../../errors.js";
import { logicalOr, matmul, where } from "../../functions.js";
import type { Generator } from "../../random.js";
import type { Tensor } from "../../tensor.js";
import { any, checkFloat, checkShape } from "../checks.js";
import { type AttentionMask, attentionWeights, blindQueries } from "../functional/attention.js";
import { dropout } from "../functional/dropout.js";
import { linear } from "../functional/linear.js";
import { xavierDeviation } from "../init/scaled.js";
import { uniformValues } from "../init/values.js";
import { Module } from "../module.js";
import { checkCount, checkOptions, checkProbability, type ParameterOptions, parameterOptions } from "../options.js";
import { Parameter } from "../parameter.js";
import { Linear } from "./linear.js";

/** Options of `MultiheadAttention`. */
export type MultiheadAttentionOptions = ParameterOptions & {
  /** Probability that an attention weight is dropped; 0 unless given. */
  readonly dropout?: number;
  /** Whether projections have biases; true unless given. */
  readonly bias?: boolean;
  /** Width of the keys; embedDim unless given. */
  readonly kdim?: number;
  /** Width of the values; embedDim unless given. */
  readonly vdim?: number;
  /** [batch, length, width] instead of [length, batch, width]; false unless given. */
  readonly batchFirst?: boolean;
};

/** What keeps a query from seeing a key; all that are given apply. */
export type AttentionMasks = {
  /** [batch, keys] ([keys] without a batch): true is ignored; or floating, added to the scores. */
  readonly keyPaddingMask?: Tensor | undefined;
  /** [queries, keys] or [batch·heads, queries, keys]: true is ignored; or floating, added to the scores. */
  readonly attnMask?: Tensor | undefined;
  /** Query i sees keys 0 to i; needs no `attnMask`. */
  readonly isCausal?: boolean | undefined;
};

/** Options of `MultiheadAttention.forward`. */
export type AttentionCall = AttentionMasks & {
  /** Whether the weights are returned; true unless given. */
  readonly needWeights?: boolean;
  /** Whether the returned weights are the mean over heads; true unless given. */
  readonly averageAttnWeights?: boolean;
};

const callNames = [
  "keyPaddingMask",
  "attnMask",
  "isCausal",
  "needWeights",
  "averageAttnWeights",
] as const satisfies readonly (keyof AttentionCall)[];

/** Queries, keys and values a head: [batch, heads, length, headDim]. */
export type Heads = { readonly query: Tensor; readonly key: Tensor; readonly value: Tensor };

/** Attention of several heads, each over embedDim/numHeads features. A query that may see no key gives zeros. */
export class MultiheadAttention extends Module {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly headDim: number;
  readonly kdim: number;
  readonly vdim: number;
  readonly dropout: number;
  readonly batchFirst: boolean;
  /** [3·embedDim, embedDim]; undefined when keys or values have another width. */
  inProjWeight: Parameter | undefined;
  /** [embedDim, embedDim], in place of `inProjWeight`. */
  qProjWeight: Parameter | undefined;
  /** [embedDim, kdim], in place of `inProjWeight`. */
  kProjWeight: Parameter | undefined;
  /** [embedDim, vdim], in place of `inProjWeight`. */
  vProjWeight: Parameter | undefined;
  /** [3·embedDim]. */
  inProjBias: Parameter | undefined;
  readonly outProj: Linear;
  readonly #generator: Generator | undefined;

  /** @throws TensorError `argument` */
  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    super();
    const op = "MultiheadAttention";
    checkCount(op, "embedDim", embedDim);
    checkCount(op, "numHeads", numHeads);
    checkOptions(op, options, ["dropout", "bias", "kdim", "vdim", "batchFirst", ...parameterOptions]);
    const { bias = true, kdim = embedDim, vdim = embedDim, batchFirst = false, ...rest } = options;
    if (embedDim % numHeads !== 0) throw argumentError(op, "embedDim", `a multiple of numHeads ${numHeads}`, embedDim);
    checkCount(op, "kdim", kdim);
    checkCount(op, "vdim", vdim);
    const { dropout: p = 0, ...making } = rest;
    checkProbability(op, "dropout", p);
    this.embedDim = embedDim;
    this.numHeads = numHeads;
    this.headDim = embedDim / numHeads;
    this.kdim = kdim;
    this.vdim = vdim;
    this.dropout = p;
    this.batchFirst = batchFirst;
    this.#generator = options.generator;
    const xavier = (out: number, inputs: number): Parameter => {
      const bound = Math.sqrt(3) * xavierDeviation(op, [out, inputs]);
      return new Parameter(uniformValues([out, inputs], -bound, bound, making));
    };
    if (kdim === embedDim && vdim === embedDim) this.inProjWeight = xavier(3 * embedDim, embedDim);
    else {
      this.qProjWeight = xavier(embedDim, embedDim);
      this.kProjWeight = xavier(embedDim, kdim);
      this.vProjWeight = xavier(embedDim, vdim);
    }
    const { dtype, device } = making;
    if (bias) this.inProjBias = new Parameter(zeros(3 * embedDim, { dtype, device }));
    this.outProj = new Linear(embedDim, embedDim, { bias, ...making });
    if (this.outProj.bias) this.outProj.bias = new Parameter(zeros(embedDim, { dtype, device }));
  }

  /**
   * Attends from the query's positions to the key's. Layouts as `batchFirst` says, or [length, width] without a batch.
   * Gives the output, shaped like the query, and the weights [batch, queries, keys] ([batch, heads, queries, keys]
   * when not averaged) or undefined. @throws TensorError `shape`, `dtype`
   */
  forward(query: Tensor, key: Tensor, value: Tensor, options: AttentionCall = {}): [Tensor, Tensor | undefined] {
    const op = "MultiheadAttention";
    checkOptions(`${op}.forward`, options, callNames);
    const { needWeights = true, averageAttnWeights = true, ...masks } = options;
    if (query.ndim === 2) {
      const axis = this.batchFirst ? 0 : 1;
      const batch = query.unsqueeze(axis);
      const keys = key === query ? batch : key.unsqueeze(axis);
      const values = value === key ? keys : value.unsqueeze(axis);
      const keyPaddingMask = masks.keyPaddingMask?.unsqueeze(0);
      const [y, weights] = this.forward(batch, keys, values, { ...options, keyPaddingMask });
      return [y.squeeze(axis), weights?.squeeze(0)];
    }
    checkShape(op, "the query", query, [any, any, this.embedDim], true);
    const heads = this.project(query, key, value);
    const [y, weights] = this.attend(heads, masks);
    if (!needWeights) return [y, undefined];
    return [y, averageAttnWeights ? weights.mean(1) : weights];
  }

  /**
   * The heads' queries, keys and values of batched arrays. With `attend`, for decoding step by step: keys and values
   * of earlier positions can be kept and joined along axis 2. @throws TensorError `shape`, `dtype`
   */
  project(query: Tensor, key: Tensor, value: Tensor): Heads {
    const op = "MultiheadAttention";
    checkFloat(op, "the query", query);
    checkShape(op, "the key", key, [any, any, this.kdim], true);
    checkShape(op, "the value", value, [any, any, this.vdim], true);
    const [batch, length] = this.batchFirst ? [0, 1] : [1, 0];
    const keysFit = key.shape[length] === value.shape[length] && key.shape[batch] === value.shape[batch];
    if (!keysFit || query.shape[batch] !== key.shape[batch]) {
      throw shapeError(op, "query, key and value must have one batch size, key and value one length", [
        query.shape,
        key.shape,
        value.shape,
      ]);
    }
    const [q, k, v] = this.#projections(query, key, value);
    return { query: q!, key: k!, value: v! };
  }

  /**
   * The output and the weights [batch, heads, queries, keys] of projected heads, under masks.
   * @throws TensorError `shape`, `dtype`
   */
  attend(heads: Heads, masks: AttentionMasks = {}): [Tensor, Tensor] {
    const { query, key, value } = heads;
    const mask = this.#mask(masks, query.shape[0]!, query.shape[2]!, key.shape[2]!);
    const weights = attentionWeights("MultiheadAttention", query, key, mask);
    const { training } = this;
    const dropped = dropout(weights, this.dropout, { training, generator: this.#generator });
    const y = this.outProj.forward(this.#join(matmul(dropped, value)));
    const blind = blindQueries(mask, query.shape[2]!, key.shape[2]!);
    return [blind ? where(this.batchFirst ? blind : blind.transpose(0, 1), 0, y) : y, dropped];
  }

  /** Heads by as few products as the inputs allow: one when all are the same, two when key and value are. */
  #projections(query: Tensor, key: Tensor, value: Tensor): readonly Tensor[] {
    const { embedDim, inProjWeight, inProjBias } = this;
    const biases = (sizes: readonly number[]): readonly Tensor[] => inProjBias?.split(sizes) ?? [];
    const thirds = [embedDim, embedDim, embedDim];
    if (!inProjWeight) {
      const weights = [this.qProjWeight!, this.kProjWeight!, this.vProjWeight!];
      const parts = biases(thirds);
      return [query, key, value].flatMap((x, i) => this.#heads(linear(x, weights[i]!, parts[i]), 1));
    }
    if (query === key && key === value) return this.#heads(linear(query, inProjWeight, inProjBias), 3);
    const sizes = key === value ? [embedDim, 2 * embedDim] : thirds;
    const inputs = key === value ? [query, key] : [query, key, value];
    const weights = inProjWeight.split(sizes);
    const parts = biases(sizes);
    return inputs.flatMap((x, i) => this.#heads(linear(x, weights[i]!, parts[i]), sizes[i]! / embedDim));
  }

  /** Projections side by side as [batch, heads, length, headDim] each. */
  #heads(x: Tensor, count: number): Tensor[] {
    const [first, second] = x.shape as [number, number];
    // Heads are told apart before the parts are: the parts' gradients are then written where they belong at once.
    const parts = x.reshape(first, second, count * this.numHeads, this.headDim).chunk(count, 2);
    return parts.map((part) => (this.batchFirst ? part.permute(0, 2, 1, 3) : part.permute(1, 2, 0, 3)));
  }

  #join(x: Tensor): Tensor {
    const moved = this.batchFirst ? x.permute(0, 2, 1, 3) : x.permute(2, 0, 1, 3);
    return moved.reshape(moved.shape[0]!, moved.shape[1]!, this.embedDim);
  }

  /** Both masks as conditions and additions that broadcast to [batch, heads, queries, keys]. */
  #mask(masks: AttentionMasks, batch: number, queries: number, keys: number): AttentionMask {
    const { keyPaddingMask, attnMask, isCausal = false } = masks;
    const mask: AttentionMask = { causal: isCausal };
    const add = (name: string, m: Tensor): void => {
      if (m.dtype === "bool") mask.ignore = mask.ignore ? logicalOr(mask.ignore, m) : m;
      else if (isFloat(m.dtype)) mask.bias = mask.bias ? mask.bias.add(m) : m;
      else {
        throw new TensorError(
          "dtype",
          `MultiheadAttention: ${name} must be bool or floating, got ${m.dtype}, expected bool: true is ignored`,
          { field: name },
        );
      }
    };
    if (keyPaddingMask) {
      checkShape("MultiheadAttention", "keyPaddingMask", keyPaddingMask, [batch, keys], true);
      add("keyPaddingMask", keyPaddingMask.reshape(batch, 1, 1, keys));
    }
    if (attnMask) {
      const aHead = attnMask.ndim === 3;
      const expected = aHead ? [batch * this.numHeads, queries, keys] : [queries, keys];
      checkShape("MultiheadAttention", "attnMask", attnMask, expected, true);
      add("attnMask", aHead ? attnMask.reshape(batch, this.numHeads, queries, keys) : attnMask);
    }
    return mask;
  }
}
