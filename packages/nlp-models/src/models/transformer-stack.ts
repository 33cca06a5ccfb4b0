// What the models that are stacks of Transformer layers share: their options and how the stacks are made.

import {
  LayerNorm,
  type ParameterOptions,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from "@torchium/tensor/nn";
import { count, flag, number, type OptionTable, oneOf } from "@torchium/tensor/options";
import { type Activation, activationNames, activations } from "./activation.js";
import { initialiseTransformer } from "./initialise.js";
import { dropoutShare } from "./options.js";

/** Options of every model that is a stack of Transformer layers. */
export type TransformerOptions = {
  /** Width; a multiple of `nhead`. */
  readonly dModel?: number;
  /** Attention heads. */
  readonly nhead?: number;
  /** Layers of each stack. */
  readonly numLayers?: number;
  /** Longest sequence. */
  readonly maxLen?: number;
  /** Width inside the feed-forward networks; 2048 unless given. */
  readonly dimFeedforward?: number;
  /** 0.1 unless given. */
  readonly dropout?: number;
  /** "relu" unless given. */
  readonly activation?: Activation;
  /** Norms before the sublayers and after the last layer, rather than after each sum; false unless given. */
  readonly normFirst?: boolean;
  /** ε of the layer norms; 1e-5 unless given. */
  readonly layerNormEps?: number;
  /** Embeddings start N(0, 1/√dModel) and are multiplied by √dModel; true unless given. */
  readonly scaleEmbedding?: boolean;
};

/** The sizes whose defaults differ from model to model. */
export type DefaultSizes = Required<Pick<TransformerOptions, "dModel" | "nhead" | "numLayers" | "maxLen">>;

/** The rules of these options. */
export const transformerRules = (sizes: DefaultSizes) =>
  ({
    dModel: count(sizes.dModel),
    nhead: count(sizes.nhead),
    numLayers: count(sizes.numLayers),
    maxLen: count(sizes.maxLen),
    dimFeedforward: count(2048),
    dropout: dropoutShare(0.1),
    activation: oneOf(activationNames, "relu"),
    normFirst: flag(false),
    layerNormEps: number({ above: 0 }, 1e-5),
    scaleEmbedding: flag(true),
  }) satisfies OptionTable<TransformerOptions>;

/** Options with their defaults, as the stacks need them. */
export type StackOptions = Required<TransformerOptions>;

/** A stack of encoder layers over [batch, length, dModel], initialised by Xavier's rule. */
export const encoderStack = (options: StackOptions, parameters: ParameterOptions): TransformerEncoder =>
  finished(
    new TransformerEncoder(
      () => new TransformerEncoderLayer(options.dModel, options.nhead, layerOptions(options, parameters)),
      options.numLayers,
      finalNorm(options, parameters),
    ),
    parameters,
  );

/** A stack of decoder layers over [batch, length, dModel], initialised by Xavier's rule. */
export const decoderStack = (options: StackOptions, parameters: ParameterOptions): TransformerDecoder =>
  finished(
    new TransformerDecoder(
      () => new TransformerDecoderLayer(options.dModel, options.nhead, layerOptions(options, parameters)),
      options.numLayers,
      finalNorm(options, parameters),
    ),
    parameters,
  );

function finished<M extends TransformerEncoder | TransformerDecoder>(stack: M, parameters: ParameterOptions): M {
  initialiseTransformer(stack, parameters);
  return stack;
}

function layerOptions(options: StackOptions, parameters: ParameterOptions): TransformerLayerOptions {
  const { dimFeedforward, dropout, normFirst, layerNormEps } = options;
  const activation = activations[options.activation];
  return { ...parameters, dimFeedforward, dropout, activation, normFirst, layerNormEps, batchFirst: true };
}

/** Sums that no norm follows need one at the end. */
function finalNorm(
  { normFirst, dModel, layerNormEps }: StackOptions,
  { dtype, device }: ParameterOptions,
): { readonly norm?: LayerNorm } {
  return normFirst ? { norm: new LayerNorm(dModel, { dtype, device, eps: layerNormEps }) } : {};
}
