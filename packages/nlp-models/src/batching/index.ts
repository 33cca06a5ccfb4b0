// Examples become batches: which ones go together, and how they lie in memory.

export {
  type ClassificationBatch,
  type ClassificationOptions,
  type CollateOptions,
  collateClassification,
  collateSequencePairs,
  collateTagging,
  type IdPair,
  type LabelledIds,
  type SequencePairBatch,
  type SequencePairOptions,
  type TaggedIds,
  type TaggingBatch,
  type TaggingOptions,
} from "./collate.js";
export { type IdBlock, idColumn, type PaddedRows, type PadOptions, padRows, selectRows } from "./id-block.js";
export {
  endless,
  type IndexBatchOptions,
  indexBatches,
  type LengthBucketOptions,
  lengthBuckets,
} from "./index-batches.js";
export { consecutiveWindows, type LanguageModelBatch, randomWindows } from "./language-model.js";
export { type MutableSequence, permutation, type RandomSource, randomInt, shuffleInPlace } from "./random-source.js";
export { SeededRandom, type SeededRandomState } from "./seeded-random.js";
export { dropWords } from "./word-dropout.js";
