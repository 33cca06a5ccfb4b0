// Character and word tokenizers, and loading any stored tokenizer.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorLike } from "../test-helpers.js";
import { trainBpe } from "./bpe-trainer.js";
import { CharacterTokenizer } from "./character-tokenizer.js";
import { loadTokenizer, tokenizerFromJSON } from "./load-tokenizer.js";
import { PretrainedTokenizer } from "./pretrained-tokenizer.js";
import { Vocabulary } from "./vocabulary.js";
import { WordTokenizer } from "./word-tokenizer.js";

describe("CharacterTokenizer", () => {
  it("has code points in order, beyond the basic plane too", () => {
    const tokenizer = CharacterTokenizer.train("b😀a\uffee\nb");
    expect(tokenizer.vocabulary.tokens).toEqual(["\n", "a", "b", "\uffee", "😀"]);
    expect(tokenizer.size).toBe(5);
    expect(tokenizer.encode("a😀\n")).toEqual([1, 4, 0]);
  });

  it("knows specials and the unknown character", () => {
    const tokenizer = CharacterTokenizer.train("ab", { specials: ["<unk>", "b"] });
    expect(tokenizer.vocabulary.tokens).toEqual(["<unk>", "b", "a"]);
    expect(tokenizer.encode("bat")).toEqual([1, 2, 0]);
    expect(() => CharacterTokenizer.train("ab").encode("cab")).toThrow(errorLike("argument", 'got "c"'));
  });

  it("gives every text back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const tokenizer = CharacterTokenizer.train(text);
        const ids = tokenizer.encode(text);
        expect(tokenizer.decode(ids)).toBe(text);
        expect(ids.every((id) => id < tokenizer.size)).toBe(true);
      }),
    );
  });
});

describe("WordTokenizer", () => {
  const texts = ["The cat sat.", "the dog sat!", "A cat."];

  it("learns words in the vocabulary's order", () => {
    const tokenizer = WordTokenizer.train(texts, { lowercase: true, split: "words" });
    const expected = ["<pad>", "<unk>", "the", "cat", "sat", ".", "dog", "!", "a"];
    expect(tokenizer.vocabulary.tokens).toEqual(expected);
    expect(tokenizer.encode("The bird sat.")).toEqual([2, 1, 4, 5]);
    expect(tokenizer.decode([2, 3, 4])).toBe("the cat sat");
  });

  it("keeps case and punctuation at white space alone", () => {
    const tokenizer = WordTokenizer.train(texts, { specials: [] });
    expect(tokenizer.tokenize(" The  cat sat.")).toEqual(["The", "cat", "sat."]);
    expect(tokenizer.vocabulary.tokens).toEqual(["The", "cat", "sat.", "the", "dog", "sat!", "A", "cat."]);
  });

  it("refuses an unknown split rule", () => {
    const options = { split: "letters" as "words" };
    const message = 'split must be one of whitespace, words, got "letters"';
    expect(() => new WordTokenizer(new Vocabulary([]), options)).toThrow(errorLike("argument", message));
  });
});

describe("tokenizerFromJSON", () => {
  const samples = {
    character: CharacterTokenizer.train("hello world", { specials: ["<unk>"] }),
    word: WordTokenizer.train(["hello big world"], { lowercase: true, split: "words" }),
    pretrained: PretrainedTokenizer.fromJSON(trainBpe(["hello hello world"], { vocabSize: 260 })),
    "pretrained with configuration": PretrainedTokenizer.fromJSON(trainBpe(["hello"], { vocabSize: 258 }), {
      clean_up_tokenization_spaces: true,
    }),
  };

  it.each(Object.entries(samples))("brings back a %s tokenizer", (_, tokenizer) => {
    const stored: unknown = JSON.parse(JSON.stringify(tokenizer));
    const again = tokenizerFromJSON(stored);
    expect(again).toBeInstanceOf(tokenizer.constructor);
    expect(again.size).toBe(tokenizer.size);
    expect(again.encode("hello world")).toEqual(tokenizer.encode("hello world"));
    expect(again.decode(again.encode("hello world ."))).toBe(tokenizer.decode(tokenizer.encode("hello world .")));
    expect(JSON.parse(JSON.stringify(again))).toEqual(stored);
  });

  it.each([
    [3, "not a stored tokenizer, got 3"],
    [{}, "not a stored tokenizer, got format nothing, type nothing"],
    [{ format: "torchium-tokenizer", version: 1, type: "subword" }, 'got format "torchium-tokenizer", type "subword"'],
    [{ format: "torchium-tokenizer", version: 9, type: "word" }, "field version is wrong, got 9, expected 1"],
    [{ format: "torchium-tokenizer", version: 1, type: "character" }, "Vocabulary.fromJSON: not a stored object"],
    [
      { format: "torchium-tokenizer", version: 1, type: "word", split: "letters" },
      "WordTokenizer.fromJSON: unknown split rule, got letters",
    ],
  ])("refuses %j", (value, message) => {
    expect(() => tokenizerFromJSON(value)).toThrow(errorLike("format", message));
  });
});

describe("loadTokenizer", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tokenizer-"));
    await writeFile(join(folder, "tokenizer.json"), JSON.stringify(trainBpe(["a b"], { vocabSize: 256 })));
    await writeFile(join(folder, "tokenizer_config.json"), '{"clean_up_tokenization_spaces": true}');
    await writeFile(join(folder, "words.json"), JSON.stringify(WordTokenizer.train(["a b"])));
    await writeFile(join(folder, "broken.json"), "{");
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("reads a Hugging Face folder with its configuration", async () => {
    const tokenizer = await loadTokenizer(folder);
    expect(tokenizer.decode(tokenizer.encode("a ."))).toBe("a.");
  });

  it("reads our own files", async () => {
    expect((await loadTokenizer(join(folder, "words.json"))).encode("b a")).toEqual([3, 2]);
  });

  it("says what is wrong with a file", async () => {
    await expect(loadTokenizer(join(folder, "broken.json"))).rejects.toThrow(errorLike("format", "is not JSON"));
    await expect(loadTokenizer(join(folder, "none"))).rejects.toThrow(errorLike("file", "does not exist"));
  });
});
