// Vocabularies: order, cuts, unknown tokens, storage.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorLike } from "../test-helpers.js";
import { countTokens, Vocabulary } from "./vocabulary.js";

const text = "b a c a b d a b e".split(" ");

describe("Vocabulary.build", () => {
  it.each([
    ["by falling count, ties by first appearance", {}, ["b", "a", "c", "d", "e"]],
    ["specials first", { specials: ["<pad>", "<unk>"] }, ["<pad>", "<unk>", "b", "a", "c", "d", "e"]],
    ["no word seen less often than minCount", { minCount: 2 }, ["b", "a"]],
    ["maxSize counts the specials", { specials: ["<unk>"], maxSize: 3 }, ["<unk>", "b", "a"]],
    ["a special in the text has one id", { specials: ["a"] }, ["a", "b", "c", "d", "e"]],
  ])("%s", (_, options, expected) => {
    expect(Vocabulary.build(text, options).tokens).toEqual(expected);
  });

  it("goes on counting over several texts", () => {
    const counts = countTokens(["x", "y"]);
    countTokens(["y"], counts);
    expect(Vocabulary.fromCounts(counts).tokens).toEqual(["y", "x"]);
  });

  it.each([
    [{ minCount: Number.NaN }, "minCount must be a number from 0, got NaN"],
    [{ maxSize: 1, specials: ["<pad>", "<unk>"] }, "maxSize must be at least 1 and the 2 specials, got 1"],
    [{ specials: ["x", "x"] }, 'tokens must be distinct, got "x"'],
    [{ specials: ["<pad>"], unknown: "<unk>" }, 'unknown must be one of the specials, got "<unk>"'],
  ])("refuses %j", (options, message) => {
    expect(() => Vocabulary.build(text, options)).toThrow(errorLike("argument", message));
  });

  it("orders like sorting by (-count, first place), for any text", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("a", "b", "c", "d", "__proto__", "constructor"), { maxLength: 40 }),
        (words) => {
          const distinct = [...new Set(words)];
          const count = (word: string) => words.filter((other) => other === word).length;
          const expected = distinct.sort((x, y) => count(y) - count(x) || words.indexOf(x) - words.indexOf(y));
          expect(Vocabulary.build(words).tokens).toEqual(expected);
        },
      ),
    );
  });
});

describe("encode and decode", () => {
  const known = Vocabulary.build(text, { specials: ["<pad>", "<unk>"], minCount: 2 });

  it("maps tokens to their places and back", () => {
    expect(known.encode(["a", "b", "a"])).toEqual([3, 2, 3]);
    expect(known.decode([3, 2, 0])).toEqual(["a", "b", "<pad>"]);
  });

  it("gives the unknown token's id, or drops what is unknown", () => {
    expect(known.unknown).toBe("<unk>");
    expect(known.encode(["a", "zebra"])).toEqual([3, 1]);
    expect(known.encodeKnown(["a", "zebra", "b"])).toEqual([3, 2]);
  });

  it("takes the unknown token it is told", () => {
    const vocabulary = Vocabulary.build([], { specials: ["<unk>", "[UNK]"], unknown: "[UNK]" });
    expect(vocabulary.idOf("zebra")).toBe(1);
  });

  it("has errors that name what is wrong", () => {
    const closed = Vocabulary.build(["a"]);
    expect(() => closed.encode(["a", "zebra"])).toThrow(errorLike("argument", 'no unknown token, got "zebra"'));
    for (const id of [-1, 1, 0.5, Number.NaN]) {
      expect(() => closed.decode([id])).toThrow(errorLike("index", `id out of range, got ${id}, expected 0 to 0`));
    }
  });

  it("comes back from decode(encode(x)) for every known token", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string()), (tokens) => {
        const vocabulary = new Vocabulary(tokens);
        expect(vocabulary.decode(vocabulary.encode(tokens))).toEqual(tokens);
      }),
    );
  });
});

describe("storage", () => {
  it("comes back equal through JSON", () => {
    const vocabulary = Vocabulary.build(text, { specials: ["<pad>", "[UNK]"], unknown: "[UNK]" });
    const again = Vocabulary.fromJSON(JSON.parse(JSON.stringify(vocabulary)));
    expect(again).toEqual(vocabulary);
  });

  const stored = { format: "torchium-vocabulary", version: 1, tokens: ["a"], specials: 0, unknown: null };

  it.each([
    [null, "not a stored object, got null"],
    [[], "not a stored object, got an array"],
    [{ ...stored, format: "other" }, 'field format is wrong, got "other", expected "torchium-vocabulary"'],
    [{ ...stored, version: 2 }, "field version is wrong, got 2, expected 1"],
    [{ ...stored, tokens: "a" }, 'field tokens is wrong, got "a", expected an array of strings'],
    [{ ...stored, tokens: [1] }, "field tokens is wrong, got an array, expected an array of strings"],
    [{ ...stored, tokens: ["a", "a"] }, "tokens must be distinct"],
    [{ ...stored, specials: 2 }, "specials must be a whole number up to 1, got 2"],
    [{ ...stored, specials: null }, "field specials is wrong, got null, expected a number"],
    [{ ...stored, unknown: 3 }, "field unknown is wrong, got 3, expected a string or null"],
  ])("refuses %j", (value, message) => {
    expect(() => Vocabulary.fromJSON(value)).toThrow(errorLike("format", `Vocabulary.fromJSON: ${message}`));
  });
});
