// Any stored tokenizer, from JSON or from disk: our own forms and Hugging Face's tokenizer.json.

import { TensorError } from "@torchium/tensor";
import { readText } from "../datasets/text-source.js";
import { CharacterTokenizer } from "./character-tokenizer.js";
import { describe, formatError, isRecord } from "./json-fields.js";
import { PretrainedTokenizer } from "./pretrained-tokenizer.js";
import type { Tokenizer } from "./tokenizer.js";
import { WordTokenizer } from "./word-tokenizer.js";

/** A tokenizer from what its `toJSON` gave, or from a parsed tokenizer.json. @throws `format` when it is neither. */
export function tokenizerFromJSON(value: unknown): Tokenizer {
  if (!isRecord(value)) throw formatError("tokenizerFromJSON", `not a stored tokenizer, got ${describe(value)}`);
  if (value.format === undefined && "model" in value) return PretrainedTokenizer.fromJSON(value);
  if (value.format === "torchium-tokenizer") {
    if (value.type === "character") return CharacterTokenizer.fromJSON(value);
    if (value.type === "word") return WordTokenizer.fromJSON(value);
    if (value.type === "pretrained") return PretrainedTokenizer.fromJSON(value);
  }
  const kind = `format ${describe(value.format)}, type ${describe(value.type)}`;
  throw formatError("tokenizerFromJSON", `not a stored tokenizer, got ${kind}`);
}

/**
 * A tokenizer from a folder that holds a tokenizer.json, or from such a file, under Node. A tokenizer_config.json
 * beside it is used too.
 * @throws `file` when it cannot be read, `format` and `unsupported` as `tokenizerFromJSON`.
 */
export async function loadTokenizer(path: string): Promise<Tokenizer> {
  const { join, dirname } = await import("node:path");
  const file = path.endsWith(".json") ? path : join(path, "tokenizer.json");
  const value = await readJson(file);
  if (!isRecord(value) || value.format !== undefined) return tokenizerFromJSON(value);
  const config = await readJson(join(dirname(file), "tokenizer_config.json")).catch((error: unknown) => {
    if (TensorError.is(error, "file")) return {};
    throw error;
  });
  return PretrainedTokenizer.fromJSON(value, config);
}

async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw formatError("loadTokenizer", `${path} is not JSON: ${(error as Error).message}`, error);
  }
}
