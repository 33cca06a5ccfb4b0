// tokenizer.json files of the three kinds. Ids and texts were made by Hugging Face's Rust library (tokenizers 0.23.2).

import { describe, expect, it } from "vitest";
import { errorLike } from "../test-helpers.js";
import { trainBpe } from "./bpe-trainer.js";
import { PretrainedTokenizer } from "./pretrained-tokenizer.js";

const added = (content: string, id: number) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});
const special = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
const text = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
const single = [special("[CLS]", 0), text("A", 0), special("[SEP]", 0)];
const pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "the", "cafe", ",", "!", "##s"];

const wordPiece = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map(added),
  normalizer: {
    type: "BertNormalizer",
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: "BertPreTokenizer" },
  post_processor: {
    type: "TemplateProcessing",
    single,
    pair: [...single, text("B", 1), special("[SEP]", 1)],
    special_tokens: {
      "[CLS]": { id: "[CLS]", ids: [2], tokens: ["[CLS]"] },
      "[SEP]": { id: "[SEP]", ids: [3], tokens: ["[SEP]"] },
    },
  },
  decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  model: {
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
  },
};

const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true };
const unigram = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: [added("<unk>", 0)],
  normalizer: null,
  pre_tokenizer: metaspace,
  post_processor: null,
  decoder: metaspace,
  model: {
    type: "Unigram",
    unk_id: 0,
    byte_fallback: false,
    vocab: [
      ["<unk>", 0],
      ["▁", -2],
      ["▁the", -3],
      ["▁cat", -4.5],
      ["s", -3.5],
      ["c", -5],
      ["a", -5],
      ["t", -5],
      ["at", -5.5],
      ["▁c", -6],
    ],
  },
};

describe("WordPiece", () => {
  const tokenizer = PretrainedTokenizer.fromJSON(wordPiece);

  it.each([
    [
      "Unaffable, the CAFÉS!",
      [2, 4, 5, 6, 9, 7, 8, 11, 10, 3],
      "unaffable, the cafes!",
      "[CLS] unaffable, the cafes! [SEP]",
    ],
    ["the dog [SEP] un", [2, 7, 1, 3, 4, 3], "the un", "[CLS] the [UNK] [SEP] un [SEP]"],
    ["", [2, 3], "", "[CLS] [SEP]"],
  ])("encodes and decodes %j", (written, ids, decoded, withSpecials) => {
    expect(tokenizer.encode(written)).toEqual(ids);
    expect(tokenizer.decode(ids)).toBe(decoded);
    expect(tokenizer.decodeWithSpecials(ids)).toBe(withSpecials);
  });

  it("encodes pairs with their segments", () => {
    expect(tokenizer.encodeText("the cafe", { pair: "unaffable!" })).toEqual({
      inputIds: [2, 7, 8, 3, 4, 5, 6, 10, 3],
      segmentIds: [0, 0, 0, 0, 1, 1, 1, 1, 1],
    });
    const bare = tokenizer.encodeText("the cafe", { pair: "unaffable!", addSpecialTokens: false });
    expect(bare.inputIds).toEqual([7, 8, 4, 5, 6, 10]);
  });

  it("tells kind, size and tokens", () => {
    expect(tokenizer.kind).toBe("WordPiece");
    expect(tokenizer.size).toBe(12);
    expect(tokenizer.idOf("##able")).toBe(6);
    expect(tokenizer.idOf("zebra")).toBeUndefined();
    expect(tokenizer.tokenOf(4)).toBe("un");
  });

  it("refuses ids that no token has", () => {
    const message = "id out of range, got 12, expected 0 to 11";
    expect(() => tokenizer.decode([2, 12])).toThrow(errorLike("index", message));
    expect(() => tokenizer.tokenOf(-1)).toThrow(errorLike("index", "got -1"));
  });
});

describe("Unigram", () => {
  const tokenizer = PretrainedTokenizer.fromJSON(unigram);

  it.each([
    ["the cats", [2, 3, 4], "the cats"],
    ["at the cat", [1, 8, 2, 3], "at the cat"],
    ["the dog", [2, 1, 0], "the "],
    ["", [], ""],
  ])("encodes and decodes %j", (written, ids, decoded) => {
    expect(tokenizer.encode(written)).toEqual(ids);
    expect(tokenizer.decode(ids)).toBe(decoded);
  });

  it("tells the texts of a pair apart without a post-processor", () => {
    expect(tokenizer.encodeText("the", { pair: "cat" })).toEqual({ inputIds: [2, 3], segmentIds: [0, 1] });
  });
});

describe("byte-level BPE", () => {
  it("decodes exactly unless its configuration asks for tidy spaces", () => {
    const trained = trainBpe(["a b"], { vocabSize: 256 });
    const exact = PretrainedTokenizer.fromJSON(trained);
    const tidy = PretrainedTokenizer.fromJSON(trained, { clean_up_tokenization_spaces: true });
    expect(exact.decode(exact.encode("a , b ."))).toBe("a , b .");
    expect(tidy.decode(tidy.encode("a , b ."))).toBe("a, b.");
  });
});

describe("what cannot be used", () => {
  const { model } = wordPiece;
  const bpe = { type: "BPE", vocab: { a: 0 }, merges: [] };

  it.each([
    ["format", "text", 'not a tokenizer.json, got "text"'],
    ["format", {}, "field model is wrong, got nothing, expected an object"],
    ["format", { model: { ...model, vocab: [] } }, "field model.vocab is wrong for WordPiece, got an array"],
    ["format", { model: { ...bpe, merges: null } }, "field model.merges is wrong, got null"],
    ["format", { model, normalizer: { type: "Odd" } }, "tokenizer.json cannot be used: Unknown Normalizer type"],
    ["unsupported", { model: { type: "WordLevel", vocab: {} } }, 'uses model type, got "WordLevel"'],
    ["unsupported", { model: { ...bpe, continuing_subword_prefix: "##" } }, "a BPE with a continuing_subword_prefix"],
    ["unsupported", { model: { ...unigram.model, byte_fallback: true } }, "a Unigram with byte_fallback"],
  ])("is a %s error: %j", (code, json, message) => {
    expect(() => PretrainedTokenizer.fromJSON(json)).toThrow(errorLike(code, message));
  });

  it("is a configuration that is no object", () => {
    expect(() => PretrainedTokenizer.fromJSON(wordPiece, null)).toThrow(errorLike("format", "tokenizer_config.json"));
  });

  it("is a text that a vocabulary without unknown token cannot spell", () => {
    const { unk_id, ...known } = unigram.model;
    const closed = PretrainedTokenizer.fromJSON({ ...unigram, added_tokens: [], model: { ...known, unk_id: null } });
    expect(unk_id).toBe(0);
    expect(() => closed.encode("the dog")).toThrow(errorLike("argument", "no id for a token and no unknown token"));
  });

  it("takes files from before the model's type was stored", () => {
    const { type, ...untyped } = model;
    expect(type).toBe("WordPiece");
    expect(PretrainedTokenizer.fromJSON({ ...wordPiece, model: untyped }).kind).toBe("WordPiece");
  });
});
