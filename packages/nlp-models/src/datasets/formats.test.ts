// Every line format: a table of texts and their rows, a table of malformed ones, and what holds for all formats.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorLike, inPieces } from "../test-helpers.js";
import { conll, conllLayouts } from "./conll.js";
import { csv, tsv } from "./delimited.js";
import { jsonLines } from "./json-lines.js";
import { labelledText } from "./labelled-text.js";
import type { DatasetFormat } from "./line-format.js";
import { readParallelText, textLines } from "./plain-text.js";
import { analogyQuestions, wordPairScores } from "./word-lists.js";

interface Case {
  readonly name: string;
  readonly format: DatasetFormat<unknown>;
  readonly text: string;
  readonly rows: readonly unknown[];
}

const named = (value: unknown) => {
  if (typeof value === "object" && value !== null && "text" in value) return value.text;
  throw new Error("field text is missing");
};

const good: readonly Case[] = [
  { name: "plain text", format: textLines(), text: "a b\n\nc\n", rows: ["a b", "", "c"] },
  { name: "plain text without blank lines", format: textLines({ skipBlank: true }), text: "a\n \nb", rows: ["a", "b"] },
  {
    name: "tsv",
    format: tsv(),
    text: 'a\t"b\n\nc\t\n',
    rows: [
      ["a", '"b'],
      ["c", ""],
    ],
  },
  {
    name: "tsv, rest of the line",
    format: tsv({ maxCells: 2 }),
    text: "1\ta\tb\n0\tc",
    rows: [
      ["1", "a\tb"],
      ["0", "c"],
    ],
  },
  { name: "tsv with names", format: tsv({ header: true }), text: "x\ty\n1\t2\n", rows: [{ x: "1", y: "2" }] },
  {
    name: "csv",
    format: csv(),
    text: "a,b\r\n1,\r\n",
    rows: [
      ["a", "b"],
      ["1", ""],
    ],
  },
  {
    name: "csv, quotes",
    format: csv(),
    text: '"a ""b"", c","d\ne"\n"",f\n',
    rows: [
      ['a "b", c', "d\ne"],
      ["", "f"],
    ],
  },
  {
    name: "csv with names",
    format: csv({ header: true, delimiter: ";" }),
    text: "x;y\n1;2",
    rows: [{ x: "1", y: "2" }],
  },
  { name: "JSON lines", format: jsonLines(), text: '{"text":"a"}\n\n[1]\n', rows: [{ text: "a" }, [1]] },
  { name: "JSON lines, converted", format: jsonLines(named), text: '{"text":"a"}', rows: ["a"] },
  {
    name: "labels by index",
    format: labelledText(),
    text: "1\tgood\tfilm\n0\tbad\n",
    rows: [
      { label: 1, text: "good\tfilm" },
      { label: 0, text: "bad" },
    ],
  },
  {
    name: "labels by name",
    format: labelledText({ labels: ["neg", "pos"] }),
    text: "pos\tgood\n",
    rows: [{ label: 1, text: "good" }],
  },
  {
    name: "token and tag",
    format: conll(conllLayouts.tokenTag),
    text: "#\tO\nRio\tB-LOC\n\t\nFoo\tB-PER\nBar\tI-PER\n",
    rows: [
      { tokens: ["#", "Rio"], tags: ["O", "B-LOC"] },
      { tokens: ["Foo", "Bar"], tags: ["B-PER", "I-PER"] },
    ],
  },
  {
    name: "Universal NER",
    format: conll(conllLayouts.universalNer),
    text: "# sent_id = 1\n1\tEn\tO\tO#O\ts\n2\tRio\tB-LOC\t_\ts\n\n\n# text = x\n1\tx\tO\t_\ts\n\n",
    rows: [
      { tokens: ["En", "Rio"], tags: ["O", "B-LOC"] },
      { tokens: ["x"], tags: ["O"] },
    ],
  },
  {
    name: "CoNLL-2003",
    format: conll(conllLayouts.conll2003),
    text: "-DOCSTART- -X- O O\n\nEU NNP I-NP I-ORG\n. . O O\n",
    rows: [{ tokens: ["EU", "."], tags: ["I-ORG", "O"] }],
  },
  { name: "other tags", format: conll({ tags: "any" }), text: "a\tNOUN\n", rows: [{ tokens: ["a"], tags: ["NOUN"] }] },
  {
    name: "word pairs",
    format: wordPairScores(),
    text: "Tiger\tcat\t7.35\r\n\r\nold new 1\n",
    rows: [
      { first: "tiger", second: "cat", score: 7.35 },
      { first: "old", second: "new", score: 1 },
    ],
  },
  {
    name: "analogies",
    format: analogyQuestions(),
    text: "a b c d\n: capitals\nAthens Greece Oslo Norway\n\n",
    rows: [
      { category: "", words: ["a", "b", "c", "d"] },
      { category: "capitals", words: ["athens", "greece", "oslo", "norway"] },
    ],
  },
];

describe.each(good)("$name", ({ format, text, rows }) => {
  it("gives its rows from a text", () => {
    expect(format.parse(text)).toEqual(rows);
  });

  it("gives the same rows from a stream, however it is cut", async () => {
    for (const length of [1, 2, 3, 7, text.length * 4]) {
      expect(await format.read(inPieces(text, length))).toEqual(rows);
    }
  });

  it("gives the same rows whatever ends the lines", () => {
    const lines = text.replaceAll("\r\n", "\n");
    expect(format.parse(lines.replaceAll("\n", "\r\n"))).toEqual(rows);
  });

  it("calls an empty text an error", async () => {
    expect(() => format.parse("")).toThrow(errorLike("format", "the text is empty"));
    await expect(format.read(inPieces("", 1))).rejects.toThrow(errorLike("format", "the given stream is empty"));
  });
});

describe("malformed text", () => {
  it.each<[string, DatasetFormat<unknown>, string, string]>([
    ["tsv", tsv(), "a\tb\nc\n", "tsv: line 2 of the text: a row of another length, got 1 cells, expected 2"],
    ["tsv header", tsv({ header: true }), "x\tx\n1\t2", "line 1 of the text: two cells have the same name, got x"],
    ["tsv header alone", tsv({ header: true }), "x\ty\n", "tsv: the text has no rows in its 1 lines"],
    ["csv open quote", csv(), 'a,b\n1,"2\n3,4\n', "csv: line 2 of the text: a quote is never closed"],
    [
      "csv quote inside",
      csv(),
      'a,b"c"\n',
      'line 1 of the text: a quote inside a cell that does not begin with one, got b"c"',
    ],
    ["csv text after quote", csv(), '"a"b,c\n', "line 1 of the text: text after a closing quote, got b,c"],
    ["json", jsonLines(), '{}\n{"a":\n', "jsonLines: line 2 of the text: "],
    ["json field", jsonLines(named), '{"text":1}\n{}\n', "jsonLines: line 2 of the text: field text is missing"],
    [
      "no tab",
      labelledText(),
      "1\ta\n0 b\n",
      "labelledText: line 2 of the text: no tab between label and text, got 0 b",
    ],
    ["label", labelledText(), "pos\ta\n", 'line 1 of the text: label is no whole number, got "pos"'],
    ["label name", labelledText({ labels: ["a", "b"] }), "c\tx", 'unknown label, got "c", expected one of a, b'],
    ["few cells", conll(), "a\tO\n\nb\n", "conll: line 3 of the text: too few cells, got 1, expected a token in 0"],
    ["empty token", conll(), "\tO\n", "line 1 of the text: the token is empty"],
    ["tag", conll(), "a\tB\n", 'line 1 of the text: a tag is wrong, got "B", expected O, B-TYPE or I-TYPE'],
    ["blank lines only", conll(), "\n\n", "conll: the text has no rows in its 2 lines"],
    [
      "pair cells",
      wordPairScores(),
      "a b\n",
      "wordPairScores: line 1 of the text: expected two words and a score, got 2",
    ],
    ["pair score", wordPairScores(), "a b c\n", "line 1 of the text: the score is no number, got c"],
    ["analogy", analogyQuestions(), "a b c\n", 'line 1 of the text: expected four words, got "a b c"'],
  ])("%s", (_, format, text, message) => {
    expect(() => format.parse(text)).toThrow(errorLike("format", message));
  });

  it.each([
    [() => tsv({ delimiter: "" }), 'tsv: delimiter must be one character, no quote and no line end, got ""'],
    [() => csv({ delimiter: '"' }), "csv: delimiter must be"],
    [() => tsv({ maxCells: 0 }), "tsv: maxCells must be a positive integer, and quotes off, got 0"],
    [() => csv({ maxCells: 2 }), "csv: maxCells must be a positive integer, and quotes off, got 2"],
    [() => conll({ tagColumn: 0.5 }), "conll: tagColumn must be an integer, got 0.5"],
    [() => labelledText({ labels: ["a", "a"] }), "labelledText: labels must be distinct"],
  ])("refuses options: %s", (make, message) => {
    expect(make).toThrow(errorLike("argument", message));
  });
});

describe("csv", () => {
  it("reads back what RFC 4180 writes, for any cells", () => {
    const cell = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", " "), maxLength: 6 });
    const table = fc
      .integer({ min: 1, max: 3 })
      .chain((width) =>
        fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 4 }),
      );
    const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
    fc.assert(
      fc.property(table, fc.constantFrom("", "\n"), (rows, end) => {
        const text = rows.map((row) => row.map(quote).join(",")).join("\n") + end;
        expect(csv().parse(text)).toEqual(rows);
      }),
    );
  });
});

describe("files", () => {
  let folder = "";
  const path = (name: string) => join(folder, name);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "formats-"));
    await writeFile(path("x.de"), "eins\nzwei\n");
    await writeFile(path("x.en"), "one\ntwo");
    await writeFile(path("short.en"), "one\n");
    await writeFile(path("empty.tsv"), "");
    await writeFile(path("bad.tsv"), "1\ta\nb\n");
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("names the file and the line", async () => {
    const bad = labelledText().read(path("bad.tsv"));
    await expect(bad).rejects.toThrow(errorLike("format", `labelledText: line 2 of ${path("bad.tsv")}: no tab`));
    const empty = labelledText().read(path("empty.tsv"));
    await expect(empty).rejects.toThrow(errorLike("format", `labelledText: ${path("empty.tsv")} is empty`));
    await expect(labelledText().read(path("none.tsv"))).rejects.toThrow(errorLike("file", "does not exist"));
  });

  it("streams rows one at a time, before the whole is read", async () => {
    const endless = async function* () {
      for (let i = 0; ; i++) yield `${i}\tx\n`;
    };
    const seen: number[] = [];
    for await (const { label } of labelledText().stream(endless())) {
      seen.push(label);
      if (label === 3) break;
    }
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  it("reads parallel text and compares the lengths", async () => {
    expect(await readParallelText(path("x.de"), path("x.en"))).toEqual([
      { source: "eins", target: "one" },
      { source: "zwei", target: "two" },
    ]);
    const uneven = readParallelText(path("x.de"), path("short.en"));
    const message = `the numbers of lines differ, got 2 in ${path("x.de")} and 1 in ${path("short.en")}`;
    await expect(uneven).rejects.toThrow(errorLike("format", message));
  });
});
