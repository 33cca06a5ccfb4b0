// What encoder and decoder layers share: their options, their feed-forward block's activation, and copying.

import { argumentError } from "../../errors.js";
import { gelu, relu } from "../../functions.js";
import type { Generator } from "../../random.js";
import type { Tensor } from "../../tensor.js";
import type { Module } from "../module.js";
import {
  checkCount,
  checkNotNegative,
  checkOptions,
  checkProbability,
  type ParameterOptions,
  parameterOptions,
} from "../options.js";

/** The activation of a feed-forward block. */
export type Activation = "relu" | "gelu" | ((x: Tensor) => Tensor);

/** Options of transformer layers. */
export type TransformerLayerOptions = ParameterOptions & {
  /** Width inside the feed-forward block; 2048 unless given. */
  readonly dimFeedforward?: number;
  /** 0.1 unless given. */
  readonly dropout?: number;
  /** "relu" unless given. */
  readonly activation?: Activation;
  /** Added to variances; 1e-5 unless given. */
  readonly layerNormEps?: number;
  /** [batch, length, width] instead of [length, batch, width]; false unless given. */
  readonly batchFirst?: boolean;
  /** Whether norms come before attention and feed-forward instead of after; false unless given. */
  readonly normFirst?: boolean;
  /** Whether linear maps and norms have biases; true unless given. */
  readonly bias?: boolean;
};

/** The options with their defaults, except where and how parameters are made. */
export type ResolvedOptions = Required<Omit<TransformerLayerOptions, keyof ParameterOptions>>;

const defaults = {
  dimFeedforward: 2048,
  dropout: 0.1,
  activation: "relu",
  layerNormEps: 1e-5,
  batchFirst: false,
  normFirst: false,
  bias: true,
} as const satisfies ResolvedOptions;

/** Defaults filled in. @throws TensorError `argument` */
export function resolveOptions(layer: string, options: TransformerLayerOptions): ResolvedOptions {
  checkOptions(layer, options, [...Object.keys(defaults), ...parameterOptions]);
  const given = Object.fromEntries(
    Object.entries(options).filter(([name, value]) => Object.hasOwn(defaults, name) && value !== undefined),
  );
  const resolved: ResolvedOptions = { ...defaults, ...given };
  checkCount(layer, "dimFeedforward", resolved.dimFeedforward);
  checkProbability(layer, "dropout", resolved.dropout);
  checkNotNegative(layer, "layerNormEps", resolved.layerNormEps);
  activationOf(layer, resolved.activation);
  return resolved;
}

/** @throws TensorError `argument` */
export function activationOf(layer: string, activation: Activation): (x: Tensor) => Tensor {
  if (typeof activation === "function") return activation;
  if (activation === "relu") return relu;
  if (activation === "gelu") return gelu;
  throw argumentError(layer, "activation", '"relu", "gelu" or a function', activation);
}

/** A layer that a stack can copy. */
export type Copyable<M extends Module> = {
  /** A layer of the same options, values and mode. */
  copy(): M;
};

/** Gives a fresh layer the values and the mode of another. */
export function copyInto<M extends Module>(from: Module, to: M): M {
  to.loadStateDict(from.stateDict());
  return to.train(from.training);
}

/** Where and how a copy of a layer makes its parameters: as the layer's own are now. */
export function makingOf(part: { readonly weight: Tensor }, generator: Generator | undefined): ParameterOptions {
  const { dtype, device } = part.weight;
  return { dtype: dtype as "float32" | "float64", device, generator };
}

/** `count` layers: copies of one, or fresh ones from a function. @throws TensorError `argument` */
export function repeatLayer<M extends Module>(
  stack: string,
  layer: (M & Copyable<M>) | (() => M),
  count: number,
): readonly M[] {
  checkCount(stack, "numLayers", count);
  if (typeof layer !== "function" && typeof layer?.copy !== "function") {
    throw argumentError(stack, "the layer", "a transformer layer, or a function that makes one", layer);
  }
  return Array.from({ length: count }, () => (typeof layer === "function" ? layer() : layer.copy()));
}
