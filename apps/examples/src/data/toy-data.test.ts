import { describe, expect, it } from "vitest";
import { makeSplit, type Split } from "./split.js";
import { toyAnalogies, toyCorpus, toySimilarities } from "./toy-corpus.js";
import { toyEntities } from "./toy-entities.js";
import { toySentiment, toySubjectivity } from "./toy-opinions.js";
import { toyTranslation } from "./toy-translation.js";

const all = <T>({ train, validation, test }: Split<T>) => [...train, ...validation, ...test];

describe.each([
  ["toyTranslation", toyTranslation],
  ["toySentiment", toySentiment],
  ["toySubjectivity", toySubjectivity],
  ["toyEntities", toyEntities],
] as const)("%s", (_, make) => {
  it("is decided by its seed, split without overlap, in the sizes asked for", () => {
    const sizes = { train: 500, validation: 50, test: 60 };
    const split: Split<unknown> = make(1, sizes);
    expect(split).toEqual(make(1, sizes));
    expect(split).not.toEqual(make(2, sizes));
    expect([split.train.length, split.validation.length, split.test.length]).toEqual([500, 50, 60]);
    expect(new Set(all(split).map((item) => JSON.stringify(item))).size).toBe(610);
  });

  it("shows every word of the test part while training", () => {
    const words = (items: readonly unknown[]) => new Set(JSON.stringify(items).match(/\p{L}+/gu));
    const split: Split<unknown> = make(1337);
    const trained = words(split.train);
    for (const word of words(split.test)) expect(trained).toContain(word);
  });
});

describe("toyTranslation", () => {
  const pairs = all(toyTranslation(5));

  it("is a translation: one target for each source, and none is a copy", () => {
    for (const { source, target } of pairs) expect(source).not.toBe(target);
    const byWords = new Map(pairs.map(({ source, target }) => [source, target]));
    expect(byWords.size).toBe(pairs.length);
  });

  it("keeps German grammar: articles and endings agree with the noun", () => {
    const text = pairs.map(({ source }) => source).join("\n");
    expect(text).toMatch(/\bein kleiner Hund\b/);
    expect(text).toMatch(/\beinen großen Ball\b/);
    expect(text).not.toMatch(/\beine \p{L}*e? ?(Mann|Hund|Junge)\b/u);
    expect(text).not.toMatch(/\bein (Frau|Katze|Tasche)\b/);
  });

  it("moves the verb to the end after a modal verb", () => {
    const modal = pairs.find(({ source }) => / will im Park \p{L}+en \.$/u.test(source));
    expect(modal?.target).toMatch(/ wants to \w+ in the park \.$/);
  });
});

describe("toySentiment", () => {
  const rows = all(toySentiment(5));

  it("has both classes about as often", () => {
    const positive = rows.filter(({ label }) => label === 1).length / rows.length;
    expect(Math.abs(positive - 0.5)).toBeLessThan(0.05);
  });

  it("cannot be told from a single word: negation and contrast turn it round", () => {
    const withWord = (word: string) => rows.filter(({ text }) => text.split(" ").includes(word));
    for (const word of ["wonderful", "boring", "not", "but"]) {
      const labels = new Set(withWord(word).map(({ label }) => label));
      expect(labels).toEqual(new Set([0, 1]));
    }
    const contrast = rows.find(({ text }) => / was \w+ , but .* was wonderful \.$/.test(text));
    expect(contrast?.label).toBe(1);
  });
});

describe("toyEntities", () => {
  const sentences = all(toyEntities(5));

  it("tags in BIO form, one tag a token", () => {
    const types = new Set<string>();
    for (const { tokens, tags } of sentences) {
      expect(tags).toHaveLength(tokens.length);
      tags.forEach((tag, i) => {
        expect(tag).toMatch(/^(O|[BI]-(PER|LOC|ORG))$/);
        if (tag.startsWith("I-")) expect(tags[i - 1].slice(2)).toBe(tag.slice(2));
        types.add(tag);
      });
    }
    expect(types.size).toBe(7);
  });

  it("has names that only their neighbours tell apart", () => {
    const tagsOf = (word: string) =>
      new Set(sentences.flatMap(({ tokens, tags }) => tags.filter((_, i) => tokens[i] === word)));
    expect(tagsOf("Berg")).toContain("B-LOC");
    expect(tagsOf("Berg")).toContain("I-PER");
    expect(tagsOf("Paris").size).toBeGreaterThanOrEqual(3);
  });
});

describe("toyCorpus", () => {
  const lines = toyCorpus(5);
  const sentences = lines.map((line) => new Set(line.split(" ")));

  it("is decided by its seed", () => {
    expect(toyCorpus(5)).toEqual(lines);
    expect(toyCorpus(6)).not.toEqual(lines);
    expect(lines).toHaveLength(4000);
  });

  it("puts words of a topic together and others never", () => {
    const together = (a: string, b: string) => sentences.filter((words) => words.has(a) && words.has(b)).length;
    for (const { first, second, score } of toySimilarities()) {
      if (score === 0) expect(together(first, second)).toBe(0);
      else if (score === 5) expect(together(first, second)).toBeGreaterThan(0);
    }
  });

  it("holds every word of the questions", () => {
    const vocabulary = new Set(lines.flatMap((line) => line.split(" ")));
    for (const { words } of toyAnalogies()) for (const word of words) expect(vocabulary).toContain(word);
    for (const { first, second } of toySimilarities()) {
      expect(vocabulary).toContain(first);
      expect(vocabulary).toContain(second);
    }
    expect(toyAnalogies()[0]).toEqual({ category: "capital", words: ["france", "paris", "italy", "rome"] });
  });
});

describe("makeSplit", () => {
  it("gives up on a maker that repeats itself", () => {
    const sizes = { train: 10, validation: 1, test: 1 };
    expect(() => makeSplit(sizes, () => "same", String)).toThrow("only 1 different items, expected 12");
  });
});
