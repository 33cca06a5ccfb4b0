// A tokenizer of the Hugging Face kind: BPE, WordPiece or Unigram from a tokenizer.json.
// The work is done by @huggingface/tokenizers; here its gaps become clear errors instead of wrong ids.

import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { TensorError } from "@torchium/tensor";
import { describe, formatError, isRecord } from "./json-fields.js";
import type { Tokenizer } from "./tokenizer.js";

/** The models that a tokenizer.json may hold here. */
export type PretrainedKind = "BPE" | "WordPiece" | "Unigram";

/** One text or a pair, ready for a model. */
export interface EncodedText {
  readonly inputIds: number[];
  /** 0 for the first text and its special tokens, 1 for the second. */
  readonly segmentIds: number[];
}

/** Settings of `encodeText`. */
export interface EncodeTextOptions {
  /** The second text of a pair. */
  readonly pair?: string;
  /** Add what the file's post-processor adds, such as `[CLS]` and `[SEP]`; true by default. */
  readonly addSpecialTokens?: boolean;
}

const op = "PretrainedTokenizer";
type JsonObject = Readonly<Record<string, unknown>>;

/** A tokenizer built from a Hugging Face tokenizer.json; truncation and padding sections are not applied. */
export class PretrainedTokenizer implements Tokenizer {
  readonly kind: PretrainedKind;
  readonly size: number;
  private readonly source: JsonObject;
  private readonly config: JsonObject;
  private readonly inner: HuggingFaceTokenizer;

  private constructor(kind: PretrainedKind, source: JsonObject, config: JsonObject) {
    this.kind = kind;
    this.source = source;
    this.config = config;
    const empty = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, added_tokens: [] };
    this.inner = new HuggingFaceTokenizer({ ...empty, ...source }, config);
    let largest = -1;
    for (const id of this.inner.get_vocab().values()) largest = Math.max(largest, id);
    this.size = largest + 1;
  }

  /**
   * The tokenizer of a parsed tokenizer.json, with the parsed tokenizer_config.json that may lie beside it.
   * @throws `format` when it is none, `unsupported` for a model or a setting that would give other ids than
   * Hugging Face's own library.
   */
  static fromJSON(tokenizerJson: unknown, tokenizerConfig: unknown = {}): PretrainedTokenizer {
    if (!isRecord(tokenizerJson)) throw formatError(op, `not a tokenizer.json, got ${describe(tokenizerJson)}`);
    if (!isRecord(tokenizerConfig)) {
      throw formatError(op, `not a tokenizer_config.json, got ${describe(tokenizerConfig)}`);
    }
    if (tokenizerJson.format === "torchium-tokenizer") {
      return PretrainedTokenizer.fromJSON(tokenizerJson.tokenizer, tokenizerJson.config);
    }
    const kind = modelKind(tokenizerJson.model);
    try {
      return new PretrainedTokenizer(kind, tokenizerJson, tokenizerConfig);
    } catch (error) {
      throw formatError(op, `tokenizer.json cannot be used: ${(error as Error).message}`, error);
    }
  }

  /** The ids of one text, with the special tokens that the file's post-processor adds. */
  encode(text: string): number[] {
    return this.encodeText(text).inputIds;
  }

  /** The ids and segments of a text or a pair. @throws `argument` for a text that the vocabulary cannot spell. */
  encodeText(text: string, options: EncodeTextOptions = {}): EncodedText {
    const { pair, addSpecialTokens = true } = options;
    const encoding = this.inner.encode(text, {
      text_pair: pair ?? null,
      add_special_tokens: addSpecialTokens,
      return_token_type_ids: true,
    });
    const inputIds = encoding.ids as (number | null | undefined)[];
    const unknown = inputIds.findIndex((id) => typeof id !== "number");
    if (unknown >= 0) {
      const token = encoding.tokens[unknown];
      const why = `no id for a token and no unknown token, got ${JSON.stringify(token)}`;
      throw new TensorError("argument", `${op}: ${why}`, { op, token });
    }
    // Without a post-processor the library does not say; the second text simply follows the first.
    const first = pair === undefined ? inputIds.length : this.inner.tokenize(text).length;
    const segmentIds = encoding.token_type_ids ?? inputIds.map((_, i) => (i < first ? 0 : 1));
    return { inputIds: inputIds as number[], segmentIds };
  }

  /** The text of ids, special tokens left out. @throws `index` for an id that no token has. */
  decode(ids: Iterable<number>): string {
    return this.decodeIds(ids, true);
  }

  /** The text of ids with its special tokens. @throws `index` for an id that no token has. */
  decodeWithSpecials(ids: Iterable<number>): string {
    return this.decodeIds(ids, false);
  }

  /** The id of a token, or undefined. */
  idOf(token: string): number | undefined {
    return this.inner.token_to_id(token);
  }

  /** The token of an id. @throws `index` for an id that no token has. */
  tokenOf(id: number): string {
    const token = this.inner.id_to_token(id);
    if (token !== undefined) return token;
    throw new TensorError("index", `${op}: id out of range, got ${id}, expected 0 to ${this.size - 1}`, {
      op,
      id,
      size: this.size,
    });
  }

  /** The tokenizer.json; with its tokenizer_config.json in one object when there is one. */
  toJSON(): unknown {
    if (Object.keys(this.config).length === 0) return this.source;
    return {
      format: "torchium-tokenizer",
      version: 1,
      type: "pretrained",
      tokenizer: this.source,
      config: this.config,
    };
  }

  private decodeIds(ids: Iterable<number>, skipSpecials: boolean): string {
    const list = [...ids];
    for (const id of list) this.tokenOf(id);
    if (list.length === 0) return "";
    return this.inner.decode(list, {
      skip_special_tokens: skipSpecials,
      // The library tidies spaces unless told; Hugging Face's own does so only where the configuration says it.
      clean_up_tokenization_spaces: this.config.clean_up_tokenization_spaces === true,
    });
  }
}

function modelKind(model: unknown): PretrainedKind {
  if (!isRecord(model)) throw formatError(op, `field model is wrong, got ${describe(model)}, expected an object`);
  const kind = model.type ?? guessKind(model);
  if (kind !== "BPE" && kind !== "WordPiece" && kind !== "Unigram") {
    throw unsupported(`model type, got ${describe(kind)}, expected BPE, WordPiece or Unigram`);
  }
  const complete = kind === "Unigram" ? Array.isArray(model.vocab) : isRecord(model.vocab);
  if (!complete) throw formatError(op, `field model.vocab is wrong for ${kind}, got ${describe(model.vocab)}`);
  if (kind === "BPE" && !Array.isArray(model.merges)) {
    throw formatError(op, `field model.merges is wrong, got ${describe(model.merges)}, expected an array`);
  }
  if (kind === "BPE" && model.continuing_subword_prefix) throw unsupported("a BPE with a continuing_subword_prefix");
  if (kind === "Unigram" && model.byte_fallback === true) throw unsupported("a Unigram with byte_fallback");
  return kind;
}

// Files written before the type was stored: the fields tell.
function guessKind(model: JsonObject): unknown {
  if (Array.isArray(model.vocab)) return "Unigram";
  if (Array.isArray(model.merges)) return "BPE";
  return "continuing_subword_prefix" in model ? "WordPiece" : undefined;
}

function unsupported(what: string): TensorError {
  return new TensorError("unsupported", `${op}: tokenizer.json uses ${what}`, { op });
}
