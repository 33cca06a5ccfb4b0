// Word vectors whose neighbours and analogies can be seen from their coordinates, and brute force for any.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorLike } from "../test-helpers.js";
import { Vocabulary } from "../text/vocabulary.js";
import { WordVectors } from "./word-vectors.js";

// Axes: royal, male, female.
const table: Readonly<Record<string, readonly number[]>> = {
  king: [5, 5, 0],
  queen: [5, 0, 5],
  man: [0, 2, 0],
  woman: [0, 0, 2],
  prince: [3, 3.5, 0],
  nothing: [0, 0, 0],
};
const words = Object.keys(table);
const vectors = new WordVectors(Float32Array.from(Object.values(table).flat()), new Vocabulary(words));
const question = (category: string, a: string, b: string, c: string, d: string) => ({
  category,
  words: [a, b, c, d] as const,
});

describe("similarity and neighbours", () => {
  it("is the cosine, whatever the lengths", () => {
    expect(vectors.dimension).toBe(3);
    expect(vectors.similarity("king", "man")).toBeCloseTo(Math.SQRT1_2, 6);
    expect(vectors.similarity("man", "woman")).toBe(0);
    expect(vectors.similarity("king", "king")).toBeCloseTo(1, 6);
    expect(vectors.similarity("king", "nothing")).toBe(0);
  });

  it("gives the nearest words first, without the word itself", () => {
    const nearest = vectors.nearest("king", 3);
    expect(nearest.map(({ word }) => word)).toEqual(["prince", "man", "queen"]);
    expect(vectors.nearest("king", 99)).toHaveLength(5);
    expect(vectors.nearestToVector(Float32Array.of(0, 0, 7), 1)[0]?.word).toBe("woman");
  });

  it("orders all words by similarity, ties by id, for any vectors", () => {
    const dimension = 2;
    const numbers = fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 2, maxLength: 24 });
    fc.assert(
      fc.property(numbers, fc.integer({ min: 1, max: 14 }), (drawn, count) => {
        const size = Math.floor(drawn.length / dimension);
        const names = Array.from({ length: size }, (_, i) => `w${i}`);
        const drawnVectors = Float32Array.from(drawn.slice(0, size * dimension));
        const made = new WordVectors(drawnVectors, new Vocabulary(names));
        const expected = names
          .slice(1)
          .map((word) => ({ word, similarity: made.similarity("w0", word) }))
          .sort((x, y) => y.similarity - x.similarity);
        expect(made.nearest("w0", count)).toEqual(expected.slice(0, count));
      }),
    );
  });
});

describe("analogies", () => {
  it("answers b - a + c, the three left out", () => {
    expect(vectors.analogy("man", "king", "woman", 1)[0]?.word).toBe("queen");
    expect(vectors.analogy("man", "king", "woman").map(({ word }) => word)).not.toContain("king");
  });

  it("scores questions whose words are known, by category", () => {
    const score = vectors.analogyScore([
      question("gender", "man", "king", "woman", "queen"),
      question("gender", "king", "man", "queen", "woman"),
      question("other", "man", "king", "woman", "prince"),
      question("other", "man", "king", "woman", "zebra"),
    ]);
    expect(score).toEqual({ accuracy: 2 / 3, coverage: 3 / 4, perCategory: { gender: 1, other: 0 } });
    expect(vectors.analogyScore([])).toEqual({ accuracy: 0, coverage: 0, perCategory: {} });
  });
});

describe("similarityScore", () => {
  it("correlates with people over the pairs that are known", () => {
    const pair = (first: string, second: string, score: number) => ({ first, second, score });
    const score = vectors.similarityScore([
      pair("king", "prince", 9),
      pair("king", "man", 7),
      pair("man", "woman", 1),
      pair("king", "zebra", 5),
    ]);
    expect(score.spearman).toBeCloseTo(1, 12);
    expect(score.coverage).toBe(3 / 4);
    expect(vectors.similarityScore([]).spearman).toBeNaN();
  });
});

describe("errors", () => {
  it.each([
    [() => vectors.similarity("king", "zebra"), "argument", 'word must be in the vocabulary, got "zebra"'],
    [() => vectors.nearest("zebra"), "argument", "word must be in the vocabulary"],
    [() => vectors.nearest("king", 0), "argument", "count must be a positive integer, got 0"],
    [() => vectors.nearestToVector(Float32Array.of(1)), "shape", "wrong dimension, got 1 numbers, expected 3"],
    [
      () => new WordVectors(new Float32Array(5), new Vocabulary(["a", "b"])),
      "shape",
      "got 5 numbers, expected a multiple of 2",
    ],
  ])("%s", (call, code, message) => {
    expect(call).toThrow(errorLike(code, message));
  });

  it("does not take the unknown token's vector for an unknown word", () => {
    const vocabulary = new Vocabulary(["<unk>", "a"], 1);
    expect(() => new WordVectors(Float32Array.of(1, 2), vocabulary).nearest("b")).toThrow(errorLike("argument", '"b"'));
  });

  it("leaves the given vectors as they are", () => {
    const given = Float32Array.of(3, 4);
    new WordVectors(given, new Vocabulary(["a"]));
    expect([...given]).toEqual([3, 4]);
  });
});
