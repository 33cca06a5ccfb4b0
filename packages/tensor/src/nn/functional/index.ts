// nn.functional: what layers compute, without their parameters.

export {
  logSigmoid,
  logSoftmax,
  relu,
  sigmoid,
  silu,
  softmax,
  softplus,
  tanh,
} from "../../functions.js";
export { elu, type GeluOptions, gelu, glu, type HardtanhOptions, hardtanh, leakyRelu } from "./activations.js";
export { type AttentionOptions, scaledDotProductAttention } from "./attention.js";
export { type BatchNormOptions, batchNorm } from "./batch-norm.js";
export { type Conv1dOptions, type ConvolutionOptions, conv1d } from "./convolution.js";
export {
  type CrfScores,
  crfDecode,
  crfLogPartition,
  crfMarginals,
  crfNegativeLogLikelihood,
  crfScore,
} from "./crf.js";
export {
  type CrossEntropyOptions,
  crossEntropy,
  type NllOptions,
  nllLoss,
  type Reduction,
} from "./cross-entropy.js";
export { type CtcLengths, type CtcOptions, ctcLoss } from "./ctc.js";
export { type DropoutOptions, dropout } from "./dropout.js";
export { type EmbeddingOptions, embedding, oneHot } from "./embedding.js";
export { linear } from "./linear.js";
export { type LossOptions, lossRules, type ReductionOption, reduced } from "./loss-rules.js";
export {
  cosineEmbeddingLoss,
  hingeEmbeddingLoss,
  type MarginOptions,
  marginRankingLoss,
  type TripletMarginOptions,
  tripletMarginLoss,
} from "./margin-losses.js";
export { type LayerNormOptions, layerNorm, rmsNorm } from "./normalization.js";
export {
  type AvgPool1dOptions,
  adaptiveAvgPool1d,
  adaptiveMaxPool1d,
  avgPool1d,
  type MaxPool1dOptions,
  maxPool1d,
  type PoolOptions,
} from "./pooling.js";
export {
  type BinaryCrossEntropyOptions,
  type BinaryCrossEntropyWithLogitsOptions,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  type GaussianNllOptions,
  gaussianNllLoss,
  type HuberOptions,
  huberLoss,
  type KlDivOptions,
  klDiv,
  l1Loss,
  mseLoss,
  type PoissonNllOptions,
  poissonNllLoss,
  type SmoothL1Options,
  smoothL1Loss,
} from "./regression-losses.js";
export { cosineSimilarity, normalize, pad, type SimilarityOptions } from "./similarity.js";
