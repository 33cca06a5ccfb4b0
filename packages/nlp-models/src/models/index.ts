// The models.

export type { Activation } from "./activation.js";
export { BERTClassifier, type BERTClassifierOptions } from "./bert-classifier.js";
export { BERTEncoder, type BERTEncoderOptions } from "./bert-encoder.js";
export { BERTMaskedLM } from "./bert-masked-lm.js";
export { GloVeModel, type GloVeOptions, type GloVeOutputs } from "./glove.js";
export { GPTModel, type GPTOptions } from "./gpt.js";
export { gptPresets } from "./gpt-presets.js";
export { type MultiTaskName, MultiTaskNLPModel, type MultiTaskOptions, multiTaskNames } from "./multi-task.js";
export { NERModel, type NEROptions } from "./ner.js";
export { Seq2SeqModel, type Seq2SeqOptions } from "./seq2seq.js";
export { TransformerModel, type TransformerModelOptions } from "./transformer.js";
export type { TransformerOptions } from "./transformer-stack.js";
export { Word2VecModel, type Word2VecOptions } from "./word2vec.js";
