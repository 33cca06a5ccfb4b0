// The two file formats of word2vec, which other tools read: a header `words dimension`, then a word and its numbers.
// Text rows are numbers in decimal; binary rows are 32-bit floats, little-endian. Both give back the same bits.

import { argumentError, TensorError } from "@torchium/tensor";

/** Words and their vectors. */
export interface WordVectorTable {
  readonly words: readonly string[];
  /** [words.length, dimension] */
  readonly vectors: Float32Array;
}

/** The two forms. */
export type WordVectorFormat = "text" | "binary";

/**
 * The bytes of a word-vector file.
 * @throws `shape` when the vectors do not fit the words, `argument` for a word that is empty or holds white space.
 */
export function encodeWordVectors(table: WordVectorTable, format: WordVectorFormat): Uint8Array {
  const { words, vectors } = table;
  const dimension = vectors.length / words.length;
  if (!Number.isInteger(dimension) || dimension < 1) {
    const why = `got ${vectors.length} numbers for ${words.length} words`;
    throw new TensorError("shape", `encodeWordVectors: the vectors do not fit the words, ${why}`, {
      op: "encodeWordVectors",
    });
  }
  const wrong = words.find((word) => !/^\S+$/u.test(word));
  if (wrong !== undefined) throw argumentError("encodeWordVectors", "word", "not empty and without white space", wrong);
  const parts: Uint8Array[] = [utf8.encode(`${words.length} ${dimension}\n`)];
  const encodeRow = format === "text" ? encodeTextRow : encodeBinaryRow;
  words.forEach((word, i) => {
    parts.push(encodeRow(word, vectors.subarray(i * dimension, (i + 1) * dimension)));
  });
  return joinBytes(parts);
}

/** The words and vectors of a file's bytes. @throws `format` when it is cut short or no such file. */
export function decodeWordVectors(bytes: Uint8Array, format: WordVectorFormat): WordVectorTable {
  const headerEnd = bytes.indexOf(lineEnd);
  const header = /^(\d+) (\d+)\r?$/.exec(headerEnd < 0 ? "" : textOf(bytes.subarray(0, headerEnd)));
  const [count, dimension] = [Number(header?.[1] ?? 0), Number(header?.[2] ?? 0)];
  if (dimension < 1) throw wrongFile("no header with the numbers of words and dimensions");
  // Each word takes at least two bytes a number or four, so a wrong header cannot ask for absurd memory.
  if (count * dimension * 2 > bytes.length) throw wrongFile(`cut short, ${count} words of ${dimension} do not fit`);
  const words: string[] = [];
  const vectors = new Float32Array(count * dimension);
  const decodeRow = format === "text" ? decodeTextRow : decodeBinaryRow;
  let at = headerEnd + 1;
  for (let row = 0; row < count; row++) {
    const target = vectors.subarray(row * dimension, (row + 1) * dimension);
    const { word, next } = decodeRow(bytes, at, target, row + 1);
    words.push(word);
    at = next;
  }
  return { words, vectors };
}

const utf8 = new TextEncoder();
const lineEnd = 0x0a;
const space = 0x20;

function encodeTextRow(word: string, vector: Float32Array): Uint8Array {
  return utf8.encode(`${word} ${Array.from(vector, writeFloat).join(" ")}\n`);
}

// Nine digits are enough to give back every 32-bit float; the sign of zero is not written by itself.
function writeFloat(value: number): string {
  return Object.is(value, -0) ? "-0" : String(Number(value.toPrecision(9)));
}

function encodeBinaryRow(word: string, vector: Float32Array): Uint8Array {
  const name = utf8.encode(`${word} `);
  const bytes = new Uint8Array(name.length + 4 * vector.length + 1);
  const view = new DataView(bytes.buffer);
  bytes.set(name);
  vector.forEach((value, i) => {
    view.setFloat32(name.length + 4 * i, value, true);
  });
  bytes[bytes.length - 1] = lineEnd;
  return bytes;
}

interface DecodedRow {
  readonly word: string;
  /** Where the next row begins. */
  readonly next: number;
}

function decodeTextRow(bytes: Uint8Array, at: number, target: Float32Array, row: number): DecodedRow {
  const found = bytes.indexOf(lineEnd, at);
  const end = found < 0 ? bytes.length : found;
  const [word = "", ...numbers] = textOf(bytes.subarray(at, end)).trimEnd().split(" ");
  if (numbers.length !== target.length) {
    throw wrongFile(`row ${row} has ${numbers.length} numbers, expected ${target.length}`);
  }
  numbers.forEach((written, i) => {
    const value = written === "" ? Number.NaN : Number(written);
    if (Number.isNaN(value) && written !== "NaN") throw wrongFile(`row ${row} holds ${JSON.stringify(written)}`);
    target[i] = value;
  });
  return { word, next: end + 1 };
}

function decodeBinaryRow(bytes: Uint8Array, at: number, target: Float32Array, row: number): DecodedRow {
  // Some writers end rows with a line end, some do not: it belongs to no word.
  const start = bytes[at] === lineEnd ? at + 1 : at;
  const nameEnd = bytes.indexOf(space, start);
  const next = nameEnd + 1 + 4 * target.length;
  if (nameEnd < 0 || next > bytes.length) throw wrongFile(`cut short in row ${row}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset + nameEnd + 1, 4 * target.length);
  for (let i = 0; i < target.length; i++) target[i] = view.getFloat32(4 * i, true);
  return { word: textOf(bytes.subarray(start, nameEnd)), next };
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw wrongFile("a word is not UTF-8", error);
  }
}

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function wrongFile(why: string, cause?: unknown): TensorError {
  return new TensorError("format", `decodeWordVectors: ${why}`, { op: "decodeWordVectors" }, cause);
}
