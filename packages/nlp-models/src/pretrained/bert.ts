// BERT checkpoints as Hugging Face stores them, as a BERTClassifier or a BERTMaskedLM.

import type { Tensor } from "@torchium/tensor";
import type { ParameterOptions } from "@torchium/tensor/nn";
import { BERTClassifier } from "../models/bert-classifier.js";
import type { BERTEncoderOptions } from "../models/bert-encoder.js";
import { BERTMaskedLM } from "../models/bert-masked-lm.js";
import { isRecord } from "../text/json-fields.js";
import { type PretrainedConfig, readConfig } from "./config.js";
import { hasTensor, type NameRule, type NameTable, renameTensors } from "./name-table.js";

type Tensors = Readonly<Record<string, Tensor>>;

const affine = (to: string, from: string): readonly NameRule[] =>
  ["weight", "bias"].map((part) => ({ to: `${to}.${part}`, from: `${from}.${part}` }));

const layer = "bert.encoder.layers.{i}";
const theirs = "encoder.layer.{i}";
const queryKeyValue = ["query", "key", "value"].map((name) => `${theirs}.attention.self.${name}`);

const encoder = {
  prefix: "bert.",
  aliases: { "LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias" },
  rules: [
    { to: "bert.embedding.tokens.weight", from: "embeddings.word_embeddings.weight" },
    { to: "bert.embedding.positions.weight", from: "embeddings.position_embeddings.weight" },
    { to: "bert.embedding.segments.weight", from: "embeddings.token_type_embeddings.weight" },
    ...affine("bert.embedding.norm", "embeddings.LayerNorm"),
    { to: `${layer}.self_attn.in_proj_weight`, from: queryKeyValue.map((name) => `${name}.weight`) },
    { to: `${layer}.self_attn.in_proj_bias`, from: queryKeyValue.map((name) => `${name}.bias`) },
    ...affine(`${layer}.self_attn.out_proj`, `${theirs}.attention.output.dense`),
    ...affine(`${layer}.norm1`, `${theirs}.attention.output.LayerNorm`),
    ...affine(`${layer}.linear1`, `${theirs}.intermediate.dense`),
    ...affine(`${layer}.linear2`, `${theirs}.output.dense`),
    ...affine(`${layer}.norm2`, `${theirs}.output.LayerNorm`),
  ],
  ignored: [/^embeddings\.position_ids$/],
} satisfies NameTable;

const classifier = {
  ...encoder,
  rules: [...encoder.rules, ...affine("head.0", "pooler.dense"), ...affine("head.3", "classifier")],
  // The heads of the tasks that BERT was trained on.
  ignored: [...encoder.ignored, /^cls\./],
} satisfies NameTable;

const newHead = {
  ...classifier,
  rules: classifier.rules.filter(({ to }) => !to.startsWith("head.3")),
  ignored: [...classifier.ignored, /^classifier\./],
} satisfies NameTable;

const maskedLM = {
  ...encoder,
  rules: [
    ...encoder.rules,
    ...affine("transform", "cls.predictions.transform.dense"),
    ...affine("norm", "cls.predictions.transform.LayerNorm"),
    { to: "output_bias", from: "cls.predictions.bias" },
  ],
  // The output layer is the embedding once more; the other heads are not for this task.
  ignored: [...encoder.ignored, /^cls\.predictions\.decoder\./, /^cls\.seq_relationship\./, /^pooler\./],
} satisfies NameTable;

/** Options of `bertClassifierFromPretrained`. */
export type BERTClassifierFromPretrainedOptions = ParameterOptions & {
  /** Number of classes; the checkpoint's unless given. */
  readonly numClasses?: number;
  /** Leave the last layer as it was initialised, for a new task; true unless given where the checkpoint has none. */
  readonly newHead?: boolean;
};

/**
 * A BERTClassifier with the weights of a BERT checkpoint, in evaluation mode: its parsed config.json, and its tensors
 * by Hugging Face's names. @throws TensorError `format`, `unsupported`, `shape`
 */
export function bertClassifierFromPretrained(
  config: unknown,
  tensors: Tensors,
  options: BERTClassifierFromPretrainedOptions = {},
): BERTClassifier {
  const op = "bertClassifierFromPretrained";
  const fields = readConfig(op, config, "bert");
  const { newHead: fresh = !hasTensor(classifier, tensors, "classifier.weight"), numClasses, ...parameters } = options;
  const sizes = sizesOf(fields);
  const state = renameTensors(op, fresh ? newHead : classifier, tensors, sizes.numLayers);
  const model = new BERTClassifier({
    ...sizes,
    numClasses: numClasses ?? labelsOf(fields),
    headActivation: "tanh",
    headDropout: fields.number("classifier_dropout", sizes.dropout),
    ...parameters,
  });
  model.loadStateDict(state, { strict: !fresh });
  return model.eval();
}

/**
 * A BERTMaskedLM with the weights of a BERT checkpoint, in evaluation mode: its parsed config.json, and its tensors by
 * Hugging Face's names. @throws TensorError `format`, `unsupported`, `shape`
 */
export function bertMaskedLMFromPretrained(
  config: unknown,
  tensors: Tensors,
  parameters: ParameterOptions = {},
): BERTMaskedLM {
  const op = "bertMaskedLMFromPretrained";
  const sizes = sizesOf(readConfig(op, config, "bert"));
  const state = renameTensors(op, maskedLM, tensors, sizes.numLayers);
  const model = new BERTMaskedLM({ ...sizes, ...parameters });
  model.loadStateDict(state);
  return model.eval();
}

function sizesOf(fields: PretrainedConfig) {
  fields.only("position_embedding_type", "absolute");
  fields.only("is_decoder", false);
  fields.only("tie_word_embeddings", true);
  return {
    vocabSize: fields.number("vocab_size"),
    dModel: fields.number("hidden_size"),
    nhead: fields.number("num_attention_heads"),
    numLayers: fields.number("num_hidden_layers"),
    dimFeedforward: fields.number("intermediate_size"),
    maxLen: fields.number("max_position_embeddings"),
    numSegments: fields.number("type_vocab_size", 2),
    dropout: fields.number("hidden_dropout_prob", 0.1),
    activation: fields.activation("hidden_act", "gelu"),
    layerNormEps: fields.number("layer_norm_eps", 1e-12),
    scaleEmbedding: false,
  } satisfies BERTEncoderOptions;
}

/** Files name their classes, or leave it at two. */
function labelsOf(fields: PretrainedConfig): number {
  const labels = fields.value("id2label");
  return isRecord(labels) ? Object.keys(labels).length : fields.number("num_labels", 2);
}
