// Text to ids and back.

export { type BpeTokenizerJSON, type BpeTrainingOptions, trainBpe } from "./bpe-trainer.js";
export { CharacterTokenizer } from "./character-tokenizer.js";
export { loadTokenizer, tokenizerFromJSON } from "./load-tokenizer.js";
export {
  type EncodedText,
  type EncodeTextOptions,
  type PretrainedKind,
  PretrainedTokenizer,
} from "./pretrained-tokenizer.js";
export { type SplitRule, splitWhitespace, splitWords } from "./split.js";
export type { Tokenizer } from "./tokenizer.js";
export { countTokens, Vocabulary, type VocabularyJSON, type VocabularyOptions } from "./vocabulary.js";
export { type WordSplitOptions, WordTokenizer } from "./word-tokenizer.js";
