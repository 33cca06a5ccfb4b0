// Scores: accuracy, perplexity, BLEU, entity F1, rank correlation, and what word vectors are worth.

export { accuracy, PerplexityAccumulator } from "./accuracy.js";
export {
  type BleuOptions,
  type BleuScore,
  type BleuScoreOptions,
  type BleuSmoothing,
  bleuOfTokens,
  corpusBleu,
  sentenceBleu,
} from "./bleu.js";
export type { BleuTokenization } from "./bleu-tokenizer.js";
export { type ChunkScores, type Entity, type EntityScores, entities, entityF1 } from "./entity-f1.js";
export { pearson, ranks, spearman } from "./spearman.js";
export { type AnalogyScore, type Neighbour, type SimilarityScore, WordVectors } from "./word-vectors.js";
