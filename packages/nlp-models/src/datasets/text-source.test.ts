// Reading text in pieces: lines and characters cut anywhere, bad files.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorLike, inPieces } from "../test-helpers.js";
import { lineBlocks, readText, splitLines, type TextSource } from "./text-source.js";

async function linesOf(source: TextSource): Promise<string[]> {
  const lines: string[] = [];
  for await (const block of lineBlocks(source)) lines.push(...block);
  return lines;
}

describe("splitLines", () => {
  it.each([
    ["", []],
    ["\n", [""]],
    ["a", ["a"]],
    ["a\n", ["a"]],
    ["a\n\nb", ["a", "", "b"]],
    ["a\r\nb\rc\n", ["a", "b", "c"]],
    ["\ufeffa\nb", ["a", "b"]],
    ["a\u0085b\u2028c", ["a\u0085b\u2028c"]],
  ])("cuts %j", (text, expected) => {
    expect(splitLines(text)).toEqual(expected);
  });
});

describe("lineBlocks", () => {
  it("gives the same lines however the bytes are cut", async () => {
    const text = fc.string({ unit: fc.constantFrom("a", "é", "😀", "\n", "\r", "\r\n", "\ufeff"), maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), async (whole, length) => {
        expect(await linesOf(inPieces(whole, length))).toEqual(splitLines(whole));
      }),
      { numRuns: 300 },
    );
  });

  it("takes chunks of text and a web stream", async () => {
    const chunks = async function* () {
      yield* ["a\r", "\nb", "c\nd"];
    };
    expect(await linesOf(chunks())).toEqual(["a", "bc", "d"]);
    const stream = new Blob(["a\nb"]).stream() as ReadableStream<Uint8Array>;
    expect(await linesOf(stream)).toEqual(["a", "b"]);
  });

  it("takes a stream that cannot be iterated, as some browsers have it", async () => {
    const { readable } = new TransformStream<Uint8Array, Uint8Array>();
    const plain = new Blob(["a\nb"]).stream() as ReadableStream<Uint8Array>;
    const bare = { getReader: () => plain.getReader() } as typeof readable;
    expect(await linesOf(bare)).toEqual(["a", "b"]);
  });
});

describe("files", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "text-source-"));
    await writeFile(join(folder, "good.txt"), "\ufeffeins\nzwei ß\n");
    await writeFile(join(folder, "latin1.txt"), Buffer.from([0x61, 0xe4, 0x0a]));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("reads a path and a file URL, without the byte order mark", async () => {
    expect(await readText(join(folder, "good.txt"))).toBe("eins\nzwei ß\n");
    expect(await linesOf(pathToFileURL(join(folder, "good.txt")))).toEqual(["eins", "zwei ß"]);
  });

  it("says what is wrong", async () => {
    const missing = join(folder, "none.txt");
    await expect(readText(missing)).rejects.toThrow(errorLike("file", `file does not exist, got ${missing}`));
    await expect(readText(folder)).rejects.toThrow(errorLike("file", "file is a folder"));
    const latin1 = join(folder, "latin1.txt");
    await expect(readText(latin1)).rejects.toThrow(errorLike("format", `${latin1} is not UTF-8 text`));
    await expect(readText(inPieces("é", 1))).resolves.toBe("é");
    const cut = async function* () {
      yield new Uint8Array([0xc3]);
    };
    await expect(readText(cut())).rejects.toThrow(errorLike("format", "the given stream is not UTF-8 text"));
  });
});
