// The models.

export type { Activation } from "./activation.js";
export { GloVeModel, type GloVeOptions, type GloVeOutputs } from "./glove.js";
export { GPTModel, type GPTOptions } from "./gpt.js";
export { gptPresets } from "./gpt-presets.js";
export { Word2VecModel, type Word2VecOptions } from "./word2vec.js";
