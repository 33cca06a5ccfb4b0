import { describe, expect, it } from "vitest";
import { nearest, suggestion } from "./nearest.js";

const known = ["--steps", "--seed", "--backend", "--batch-size", "--out"];

describe("nearest", () => {
  it.each([
    ["--step", "--steps"],
    ["--setps", "--steps"],
    ["--sede", "--seed"],
    ["--backnd", "--backend"],
    ["--batchsize", "--batch-size"],
    ["--oyt", "--out"],
    ["--temperature", undefined],
    ["--x", undefined],
  ])("%s → %s", (word, expected) => {
    expect(nearest(word, known)).toBe(expected);
  });
});

describe("suggestion", () => {
  it("lists the known words when none is near", () => {
    expect(suggestion("zebra", ["gpt", "ner"])).toBe("expected one of gpt, ner");
    expect(suggestion("gtp", ["gpt", "ner"])).toBe("did you mean gpt?");
    expect(suggestion("gpt", [])).toBe("there are none");
  });
});
