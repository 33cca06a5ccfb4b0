// The split rules agree with Python's str.split() and re.findall(r"\w+|[^\w\s]"); the expected lists come from it.

import { describe, expect, it } from "vitest";
import { splitWhitespace, splitWords } from "./split.js";

describe("splitWhitespace", () => {
  it.each([
    ["", []],
    [" \t\n", []],
    ["  a  b\tc\n", ["a", "b", "c"]],
    ["no\u00a0break\u3000wide", ["no", "break", "wide"]],
    ["unit\u001fseparator\u0085next", ["unit", "separator", "next"]],
    ["\ufeffmark\u200bzero", ["\ufeffmark\u200bzero"]],
  ])("cuts %j", (text, expected) => {
    expect(splitWhitespace(text)).toEqual(expected);
  });
});

describe("splitWords", () => {
  it.each([
    ["", []],
    ["Hello, world!", ["Hello", ",", "world", "!"]],
    ["snake_case 3.14 don't", ["snake_case", "3", ".", "14", "don", "'", "t"]],
    ["läuft über saftig-grünes", ["läuft", "über", "saftig", "-", "grünes"]],
    ["x²½Ⅷ 日本語。", ["x²½Ⅷ", "日本語", "。"]],
    ["e\u0301 😀😀", ["e", "\u0301", "😀", "😀"]],
    ["a\u0085b\ufeffc", ["a", "b", "\ufeff", "c"]],
  ])("cuts %j", (text, expected) => {
    expect(splitWords(text)).toEqual(expected);
  });
});
