// GPT-2 checkpoints as Hugging Face stores them, as a GPTModel.

import type { Tensor } from "@torchium/tensor";
import type { ParameterOptions } from "@torchium/tensor/nn";
import { GPTModel } from "../models/gpt.js";
import { readConfig } from "./config.js";
import { type NameTable, renameTensors } from "./name-table.js";

const affine = (to: string, from: string, kind: { readonly transposed?: boolean } = {}) => [
  { to: `${to}.weight`, from: `${from}.weight`, ...kind },
  { to: `${to}.bias`, from: `${from}.bias` },
];

// GPT-2's linear layers were written as convolutions, whose matrices are [in, out].
const convolution = (to: string, from: string) => affine(to, from, { transposed: true });

const names = {
  prefix: "transformer.",
  rules: [
    { to: "token_embedding.weight", from: "wte.weight" },
    { to: "position_embedding.weight", from: "wpe.weight" },
    ...affine("blocks.{i}.attention_norm", "h.{i}.ln_1"),
    ...convolution("blocks.{i}.qkv", "h.{i}.attn.c_attn"),
    ...convolution("blocks.{i}.attention_projection", "h.{i}.attn.c_proj"),
    ...affine("blocks.{i}.feed_forward_norm", "h.{i}.ln_2"),
    ...convolution("blocks.{i}.feed_forward", "h.{i}.mlp.c_fc"),
    ...convolution("blocks.{i}.feed_forward_projection", "h.{i}.mlp.c_proj"),
    ...affine("final_norm", "ln_f"),
  ],
  // The causal mask and what stood in its place; a tied output layer is the embedding once more.
  ignored: [/^h\.\d+\.attn\.(masked_)?bias$/, /^lm_head\.weight$/],
} satisfies NameTable;

const untied = {
  ...names,
  rules: [...names.rules, { to: "head.weight", from: "lm_head.weight" }],
} satisfies NameTable;

/**
 * A GPTModel with the weights of a GPT-2 checkpoint, in evaluation mode: its parsed config.json, and its tensors by
 * Hugging Face's names. @throws TensorError `format`, `unsupported`, `shape`
 */
export function gptFromPretrained(
  config: unknown,
  tensors: Readonly<Record<string, Tensor>>,
  parameters: ParameterOptions = {},
): GPTModel {
  const op = "gptFromPretrained";
  const fields = readConfig(op, config, "gpt2");
  fields.only("scale_attn_weights", true);
  fields.only("scale_attn_by_inverse_layer_idx", false);
  fields.only("add_cross_attention", false);
  const numLayers = fields.number("n_layer");
  const dModel = fields.number("n_embd");
  const tieWeights = fields.boolean("tie_word_embeddings", true);
  const state = renameTensors(op, tieWeights ? names : untied, tensors, numLayers);
  const model = new GPTModel({
    vocabSize: fields.number("vocab_size"),
    dModel,
    nhead: fields.number("n_head"),
    numLayers,
    maxLen: fields.number("n_positions"),
    dimFeedforward: fields.number("n_inner", 4 * dModel),
    dropout: fields.number("resid_pdrop", 0.1),
    activation: fields.activation("activation_function", "gelu_new"),
    layerNormEps: fields.number("layer_norm_epsilon", 1e-5),
    tieWeights,
    ...parameters,
  });
  model.loadStateDict(state);
  return model.eval();
}
