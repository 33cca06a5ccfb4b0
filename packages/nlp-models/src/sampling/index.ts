// Training examples for word vectors: skip-gram pairs, negatives, co-occurrence counts.

export {
  type CooccurrenceBatch,
  type CooccurrenceOptions,
  type Cooccurrences,
  cooccurrenceBatches,
  countCooccurrences,
  joinCooccurrences,
  type StreamCooccurrenceOptions,
  streamCooccurrences,
} from "./cooccurrence.js";
export { AliasSampler, NegativeSampler } from "./negative-sampler.js";
export {
  keepProbabilities,
  type SkipGramOptions,
  type SkipGramPairs,
  type SkipGramStreamOptions,
  skipGramPairs,
  skipGramStream,
} from "./skip-gram.js";
export { fileSpillStore, type SpillStore, type StoredRun } from "./spill.js";
export { countIds, type TokenLines, tokenLines } from "./token-lines.js";
