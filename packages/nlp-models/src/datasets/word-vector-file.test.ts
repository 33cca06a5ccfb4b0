// word2vec's file formats: the bytes they are, and the same bits back.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorLike } from "../test-helpers.js";
import { decodeWordVectors, encodeWordVectors } from "./word-vector-file.js";

const table = { words: ["cat", "hütte"], vectors: Float32Array.of(1, -0.5, 0.1, 3e-30) };

describe("encodeWordVectors", () => {
  it("writes text rows of decimal numbers", () => {
    const text = new TextDecoder().decode(encodeWordVectors(table, "text"));
    expect(text).toBe("2 2\ncat 1 -0.5\nhütte 0.100000001 3.00000001e-30\n");
  });

  it("writes binary rows of little-endian floats", () => {
    const bytes = [...encodeWordVectors({ words: ["a"], vectors: Float32Array.of(1, -2) }, "binary")];
    expect(bytes).toEqual([...new TextEncoder().encode("1 2\na "), 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0x0a]);
  });

  it("refuses vectors that do not fit and words that cannot be written", () => {
    const wrong = { words: ["a", "b"], vectors: new Float32Array(3) };
    expect(() => encodeWordVectors(wrong, "text")).toThrow(errorLike("shape", "got 3 numbers for 2 words"));
    const spaced = { words: ["a b"], vectors: new Float32Array(3) };
    expect(() => encodeWordVectors(spaced, "text")).toThrow(errorLike("argument", 'white space, got "a b"'));
  });
});

describe.each(["text", "binary"] as const)("decodeWordVectors, %s", (format) => {
  it("gives back every bit", () => {
    const word = fc.string({ minLength: 1, unit: "grapheme" }).filter((text) => /^\S+$/u.test(text));
    const rows = fc.array(fc.tuple(word, fc.array(fc.float(), { minLength: 3, maxLength: 3 })), { minLength: 1 });
    fc.assert(
      fc.property(rows, (drawn) => {
        const written = { words: drawn.map(([name]) => name), vectors: Float32Array.from(drawn.flatMap(([, v]) => v)) };
        const read = decodeWordVectors(encodeWordVectors(written, format), format);
        expect(read.words).toEqual(written.words);
        expect(read.vectors).toEqual(written.vectors);
      }),
    );
  });

  it("calls every cut an error", () => {
    const bytes = encodeWordVectors(table, format);
    // The last line end carries nothing; in text a number cut short may still be one.
    const last = format === "text" ? bytes.length - 16 : bytes.length - 2;
    for (let length = 0; length <= last; length++) {
      expect(() => decodeWordVectors(bytes.subarray(0, length), format)).toThrow(errorLike("format", ""));
    }
  });

  it("calls a file of another kind an error", () => {
    const bytes = new TextEncoder().encode("9999999999 300\nno vectors here\n");
    expect(() => decodeWordVectors(bytes, format)).toThrow(errorLike("format", "cut short"));
  });
});

it("names the row whose text is wrong", () => {
  const bytes = new TextEncoder().encode("2 2\na 1 2\nb 1 x\n");
  expect(() => decodeWordVectors(bytes, "text")).toThrow(errorLike("format", 'row 2 holds "x"'));
});
