// Every loss, and nothing else: what `createLoss` can make is derived from this list.

export { BCELoss } from "./bce-loss.js";
export { BCEWithLogitsLoss } from "./bce-with-logits-loss.js";
export { CosineEmbeddingLoss } from "./cosine-embedding-loss.js";
export { CRFLoss } from "./crf-loss.js";
export { CrossEntropyLoss } from "./cross-entropy-loss.js";
export { CTCLoss } from "./ctc-loss.js";
export { GaussianNLLLoss } from "./gaussian-nll-loss.js";
export { GloVeLoss } from "./glove-loss.js";
export { HingeEmbeddingLoss } from "./hinge-embedding-loss.js";
export { HuberLoss } from "./huber-loss.js";
export { KLDivLoss } from "./kl-div-loss.js";
export { L1Loss } from "./l1-loss.js";
export { LabelSmoothingLoss } from "./label-smoothing-loss.js";
export { MarginRankingLoss } from "./margin-ranking-loss.js";
export { MSELoss } from "./mse-loss.js";
export { NLLLoss } from "./nll-loss.js";
export { PerplexityLoss } from "./perplexity-loss.js";
export { PoissonNLLLoss } from "./poisson-nll-loss.js";
export { SmoothL1Loss } from "./smooth-l1-loss.js";
export { TripletMarginLoss } from "./triplet-margin-loss.js";
export { UncertaintyWeightingLoss } from "./uncertainty-weighting-loss.js";
export { Word2VecLoss } from "./word2vec-loss.js";
