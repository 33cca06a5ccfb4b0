import { describe, expect, it } from "vitest";
import { bioTags, expand, type Grammar, joinWords } from "./grammar.js";
import { seededRandom } from "./random.js";

const line = (grammar: Grammar, rule: string, seed = 1) => joinWords(expand(grammar, rule, seededRandom(seed))[0]);

describe("expand", () => {
  const words: Grammar = { word: ["a", "b", "c", "d", "e", "f", "g", "h"], pair: ["{word} {word} {word:2}"] };

  it("repeats a symbol within an alternative, and draws a numbered one anew", () => {
    const drawn = Array.from({ length: 50 }, (_, seed) => line(words, "pair", seed).split(" "));
    for (const [first, second] of drawn) expect(first).toBe(second);
    expect(drawn.some(([first, , third]) => first !== third)).toBe(true);
  });

  it("says the same on both sides of a translation, in each side's order and form", () => {
    const grammar: Grammar = {
      sentence: [["{who} will {what}en .", "{what}ing is what {who} wants ."]],
      who: [["er", "he"]],
      what: [["mal", "paint"]],
    };
    const [left, right] = expand(grammar, "sentence", seededRandom(1));
    expect(joinWords(left)).toBe("er will malen .");
    expect(joinWords(right)).toBe("painting is what he wants .");
  });

  it("joins what touches the braces to the first and the last word", () => {
    expect(line({ s: ["({name})"], name: ["anna berg"] }, "s")).toBe("(anna berg)");
  });

  it("labels the words of a span", () => {
    const grammar: Grammar = {
      s: ["{name|PER} and {name:2|PER} in {town|LOC} ."],
      name: ["Anna Berg"],
      town: ["Oslo"],
    };
    const [words] = expand(grammar, "s", seededRandom(1));
    expect(bioTags(words)).toEqual(["B-PER", "I-PER", "O", "B-PER", "I-PER", "O", "B-LOC", "O"]);
  });

  it("draws every alternative, each about as often", () => {
    const random = seededRandom(3);
    const counts = new Map<string, number>();
    for (let i = 0; i < 8000; i++) {
      const word = joinWords(expand(words, "word", random)[0]);
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    expect(counts.size).toBe(8);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  it("names a rule that does not exist", () => {
    expect(() => line({ s: ["{missing}"] }, "s")).toThrow("grammar: there is no rule missing");
  });
});

describe("seededRandom", () => {
  it("gives the same numbers for the same seed on every machine", () => {
    const { next } = seededRandom(1337);
    expect([next(), next(), next()].map((value) => Math.floor(value * 2 ** 32))).toMatchInlineSnapshot(`
      [
        2872006747,
        2796462372,
        3693605093,
      ]
    `);
    expect(seededRandom(1).next()).not.toBe(seededRandom(2).next());
  });
});
