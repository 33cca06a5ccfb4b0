// The public surface of @torchium/tensor/nn.

export { checkValues } from "./checks.js";
/** What layers compute, without their parameters, as PyTorch's torch.nn.functional. */
export * as functional from "./functional/index.js";
/** Initialisation of parameters in place, as PyTorch's torch.nn.init. */
export * as init from "./init/index.js";
export {
  Dropout,
  ELU,
  GELU,
  GLU,
  Hardtanh,
  LeakyReLU,
  LogSigmoid,
  LogSoftmax,
  ReLU,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Tanh,
} from "./layers/activations.js";
export { BatchNorm1d, type BatchNorm1dOptions } from "./layers/batch-norm.js";
export { type Layer, ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential } from "./layers/containers.js";
export { Conv1d, type Conv1dLayerOptions } from "./layers/convolution.js";
export { Embedding, type EmbeddingLayerOptions } from "./layers/embedding.js";
export { Flatten, Identity, Linear, type LinearOptions } from "./layers/linear.js";
export {
  type AttentionCall,
  type AttentionMasks,
  type Heads,
  MultiheadAttention,
  type MultiheadAttentionOptions,
} from "./layers/multihead-attention.js";
export { LayerNorm, type LayerNormLayerOptions, RMSNorm, type RMSNormOptions } from "./layers/normalization.js";
export { AdaptiveAvgPool1d, AdaptiveMaxPool1d, AvgPool1d, MaxPool1d } from "./layers/pooling.js";
export { GRU, LSTM, type RecurrentCall, type RecurrentOptions } from "./layers/recurrent.js";
export {
  type DecoderMasks,
  TransformerDecoder,
  TransformerDecoderLayer,
  type TransformerDecoderOptions,
} from "./layers/transformer-decoder.js";
export {
  type EncoderLayerMasks,
  type EncoderMasks,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerEncoderOptions,
} from "./layers/transformer-encoder.js";
export type { Activation, TransformerLayerOptions } from "./layers/transformer-options.js";
export { Module } from "./module.js";
export type { ParameterOptions } from "./options.js";
export { Parameter } from "./parameter.js";
export type { LoadOptions, LoadResult, StateDict } from "./state-dict.js";
