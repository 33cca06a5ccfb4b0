// Checkpoint folders as Hugging Face lays them out: config.json, model.safetensors, and perhaps a tokenizer.json.

import { type Tensor, TensorError } from "@torchium/tensor";
import { loadSafetensors } from "@torchium/tensor/io";
import type { ParameterOptions } from "@torchium/tensor/nn";
import { readText } from "../datasets/text-source.js";
import type { BERTClassifier } from "../models/bert-classifier.js";
import type { BERTMaskedLM } from "../models/bert-masked-lm.js";
import type { GPTModel } from "../models/gpt.js";
import { formatError } from "../text/json-fields.js";
import { loadTokenizer } from "../text/load-tokenizer.js";
import type { Tokenizer } from "../text/tokenizer.js";
import {
  type BERTClassifierFromPretrainedOptions,
  bertClassifierFromPretrained,
  bertMaskedLMFromPretrained,
} from "./bert.js";
import { gptFromPretrained } from "./gpt2.js";

/** A model from a checkpoint folder, in evaluation mode, with the tokenizer that lay beside it. */
export type Pretrained<M> = { readonly model: M; readonly tokenizer: Tokenizer | undefined };

/** A GPT-2 checkpoint folder, under Node. @throws TensorError `file`, `format`, `unsupported`, `shape` */
export const loadGPT2 = (folder: string, options: ParameterOptions = {}): Promise<Pretrained<GPTModel>> =>
  load("loadGPT2", folder, options, gptFromPretrained);

/**
 * A BERT checkpoint folder as a classifier, under Node: with its own classes, or with a new head for `numClasses`.
 * @throws TensorError `file`, `format`, `unsupported`, `shape`
 */
export const loadBERTClassifier = (
  folder: string,
  options: BERTClassifierFromPretrainedOptions = {},
): Promise<Pretrained<BERTClassifier>> => load("loadBERTClassifier", folder, options, bertClassifierFromPretrained);

/** A BERT checkpoint folder with its masked-token head, under Node. @throws TensorError `file`, `format`, `unsupported`, `shape` */
export const loadBERTMaskedLM = (folder: string, options: ParameterOptions = {}): Promise<Pretrained<BERTMaskedLM>> =>
  load("loadBERTMaskedLM", folder, options, bertMaskedLMFromPretrained);

type Build<O, M> = (config: unknown, tensors: Readonly<Record<string, Tensor>>, options: O) => M;

async function load<O extends ParameterOptions, M>(
  op: string,
  folder: string,
  options: O,
  build: Build<O, M>,
): Promise<Pretrained<M>> {
  const { join } = await import("node:path");
  const config = await readConfigFile(op, join(folder, "config.json"));
  const { device } = options;
  const tensors = await loadSafetensors(join(folder, "model.safetensors"), device ? { device } : {});
  try {
    return { model: build(config, tensors, options), tokenizer: await tokenizerIn(folder) };
  } finally {
    for (const t of Object.values(tensors)) t.dispose();
  }
}

async function readConfigFile(op: string, path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw formatError(op, `${path} is not JSON: ${(error as Error).message}`, error);
  }
}

/** Older folders have other tokenizer files, which are read by name if at all. */
async function tokenizerIn(folder: string): Promise<Tokenizer | undefined> {
  return loadTokenizer(folder).catch((error: unknown) => {
    if (TensorError.is(error, "file")) return undefined;
    throw error;
  });
}
