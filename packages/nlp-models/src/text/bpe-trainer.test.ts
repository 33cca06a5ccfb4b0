// BPE training against a trainer that recounts everything before every merge, and a merge order worked out by hand.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorLike } from "../test-helpers.js";
import { type BpeTokenizerJSON, trainBpe } from "./bpe-trainer.js";
import { toByteCharacters } from "./byte-alphabet.js";
import { PretrainedTokenizer } from "./pretrained-tokenizer.js";

describe("trainBpe", () => {
  it("merges the most frequent pair first, ties by the smaller ids", () => {
    // Counts: lo 4, ow 4, we 1 … then " l" 2 (Ġl): (l, o) and (o, w) tie at 4, and l < o.
    const trained = trainBpe(["low low lower low"], { vocabSize: 261, minFrequency: 2 });
    expect(trained.model.merges).toEqual([
      ["l", "o"],
      ["lo", "w"],
      ["Ġ", "low"],
    ]);
    expect(Object.keys(trained.model.vocab)).toHaveLength(259);
  });

  it("gives special tokens the first ids and never cuts them", () => {
    const trained = trainBpe(["abab"], { vocabSize: 259, specialTokens: ["<|endoftext|>"] });
    const tokenizer = PretrainedTokenizer.fromJSON(trained);
    expect(tokenizer.encode("ab<|endoftext|>ab")).toEqual([257, 0, 257]);
    expect(tokenizer.decode([257, 0, 257])).toBe("abab");
    expect(tokenizer.decodeWithSpecials([257, 0, 257])).toBe("ab<|endoftext|>ab");
  });

  it("can put a space before the first word", () => {
    const tokenizer = PretrainedTokenizer.fromJSON(trainBpe(["ab ab"], { vocabSize: 258, addPrefixSpace: true }));
    expect(tokenizer.encode("ab")).toEqual(tokenizer.encode(" ab"));
  });

  it.each([
    [{ vocabSize: 255 }, "vocabSize must be an integer from 256 (bytes and special tokens), got 255"],
    [{ vocabSize: 256, specialTokens: ["<s>"] }, "an integer from 257"],
    [{ vocabSize: 300, specialTokens: ["a"] }, 'specialTokens must be distinct and no single byte, got "a"'],
    [{ vocabSize: 300, minFrequency: 0 }, "minFrequency must be a number from 1, got 0"],
  ])("refuses %j", (options, message) => {
    expect(() => trainBpe(["a"], options)).toThrow(errorLike("argument", message));
  });

  it("equals a trainer that recounts before every merge", () => {
    const words = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "c", " ", "é"), maxLength: 12 }), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 3 }), (texts, minFrequency) => {
        const trained = trainBpe(texts, { vocabSize: 280, minFrequency });
        expect(trained.model.merges).toEqual(recountingTrainer(texts, trained, 280, minFrequency));
      }),
      { numRuns: 300 },
    );
  });

  it("spells and gives back every text, trained on it or not", () => {
    const trained = trainBpe(["the cat sat on the mat", "naïve 日本 😀"], { vocabSize: 290, minFrequency: 1 });
    const tokenizer = PretrainedTokenizer.fromJSON(trained);
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const ids = tokenizer.encode(text);
        expect(tokenizer.decode(ids)).toBe(text);
        expect(ids.every((id) => id >= 0 && id < tokenizer.size)).toBe(true);
      }),
    );
  });
});

// The definition, without any bookkeeping: count all pairs, take the best, replace, again.
function recountingTrainer(texts: readonly string[], trained: BpeTokenizerJSON, size: number, minFrequency: number) {
  const idOf = trained.model.vocab;
  const gpt2 = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
  let words = texts.flatMap((text) => (text.match(gpt2) ?? []).map((piece) => [...toByteCharacters(piece)]));
  const known = new Set(words.flat());
  const merges: [string, string][] = [];
  for (let tokens = 256; tokens < size; ) {
    const counts = new Map<string, number>();
    for (const word of words) {
      for (let i = 1; i < word.length; i++) {
        const pair = `${word[i - 1]} ${word[i]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    const ranked = [...counts].map(([pair, count]) => ({ pair: pair.split(" ") as [string, string], count }));
    ranked.sort(
      (x, y) =>
        y.count - x.count ||
        (idOf[x.pair[0]] as number) - (idOf[y.pair[0]] as number) ||
        (idOf[x.pair[1]] as number) - (idOf[y.pair[1]] as number),
    );
    const best = ranked[0];
    if (best === undefined || best.count < minFrequency) break;
    const [left, right] = best.pair;
    merges.push(best.pair);
    if (!known.has(left + right)) tokens++;
    known.add(left + right);
    words = words.map((word) => {
      const out: string[] = [];
      for (let i = 0; i < word.length; i++) {
        if (word[i] === left && word[i + 1] === right) {
          out.push(left + right);
          i++;
        } else out.push(word[i] as string);
      }
      return out;
    });
  }
  return merges;
}
