// Continuing sequences with a trained model.

export { DecoderCache, type KeysAndValues } from "./decoder-cache.js";
export { type CausalModel, generate, generateStream } from "./generate.js";
export type { BeamSearchOptions, GenerateOptions, Prompts } from "./request.js";
export { type SamplingOptions, sampleToken } from "./sampling.js";
export { type EncodedSources, type EncoderDecoderModel, type TranslateOptions, translate } from "./translate.js";
