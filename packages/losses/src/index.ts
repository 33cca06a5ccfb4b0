// The public surface of @torchium/losses.

export type { BCELossOptions } from "./bce-loss.js";
export type { BCEWithLogitsLossOptions } from "./bce-with-logits-loss.js";
export type { CosineEmbeddingLossOptions } from "./cosine-embedding-loss.js";
export type { CRFLossOptions } from "./crf-loss.js";
export type { LossDeclaration } from "./criterion.js";
export type { CrossEntropyLossOptions } from "./cross-entropy-loss.js";
export type { CTCLossOptions } from "./ctc-loss.js";
export type { GaussianNLLLossOptions } from "./gaussian-nll-loss.js";
export type { GloVeLossOptions } from "./glove-loss.js";
export type { HingeEmbeddingLossOptions } from "./hinge-embedding-loss.js";
export type { HuberLossOptions } from "./huber-loss.js";
export type { KLDivLossOptions } from "./kl-div-loss.js";
export type { L1LossOptions } from "./l1-loss.js";
export type { LabelSmoothingLossOptions } from "./label-smoothing-loss.js";
export * from "./losses.js";
export type { MarginRankingLossOptions } from "./margin-ranking-loss.js";
export type { MSELossOptions } from "./mse-loss.js";
export type { NLLLossOptions } from "./nll-loss.js";
export { CorpusPerplexity, type PerplexityLossOptions } from "./perplexity-loss.js";
export type { PoissonNLLLossOptions } from "./poisson-nll-loss.js";
export type { Reduction } from "./reduction.js";
export type { SmoothL1LossOptions } from "./smooth-l1-loss.js";
export type { TripletMarginLossOptions } from "./triplet-margin-loss.js";
export type { TaskKind, UncertaintyWeightingLossOptions } from "./uncertainty-weighting-loss.js";
export type { Word2VecLossOptions } from "./word2vec-loss.js";
