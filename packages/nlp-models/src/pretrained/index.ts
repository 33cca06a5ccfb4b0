// Models with the weights of published checkpoints.

export {
  type BERTClassifierFromPretrainedOptions,
  bertClassifierFromPretrained,
  bertMaskedLMFromPretrained,
} from "./bert.js";
export { gptFromPretrained } from "./gpt2.js";
export { loadBERTClassifier, loadBERTMaskedLM, loadGPT2, type Pretrained } from "./load-pretrained.js";
