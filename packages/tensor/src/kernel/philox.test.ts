import { describe, expect, it } from "vitest";
import type { DType } from "../dtype.js";
import { evaluate } from "../reference/evaluate.js";
import { type Expr, input } from "./expr.js";
import { normalFromWords, philox, type RandomState, randomWord, uniformFromWord } from "./philox.js";
import { makeProgram } from "./program.js";

/** The outputs of expressions of uint32 inputs at some points. */
function run(outputs: readonly Expr[], points: readonly (readonly number[])[]): number[][] {
  const program = makeProgram({
    inputs: points[0]!.map(() => ({ kind: "buffer", type: "uint32", role: "full" })),
    scalars: [],
    reduces: [],
    outputs: outputs.map((expr) => ({ expr, role: "full" })),
  });
  return evaluate(
    program,
    [points.length],
    points[0]!.map((_, k) => points.map((p) => p[k]!)),
  );
}

const word = (k: number): Expr => input(k, "uint32", "full");
const state: RandomState = { seedLow: word(0), seedHigh: word(1), stream: word(2) };

/** Expressions of (seedLow, seedHigh, stream, index) for many elements of one stream. */
const draw = (make: (index: Expr) => Expr, count: number, stream = 5): number[] =>
  run(
    [make(word(3))],
    Array.from({ length: count }, (_, i) => [1234, 0, stream, i]),
  )[0]!;

const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;

describe("philox 4x32-10", () => {
  // Known answers of Random123 1.14 (kat_vectors): counter, key, words.
  const known: [counter: number[], key: number[], words: number[]][] = [
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [Array(4).fill(0xffffffff), Array(2).fill(0xffffffff), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ];
  it.each(known)("counter %j, key %j", (counter, key, words) => {
    const outputs = philox([word(0), word(1), word(2), word(3)], [word(4), word(5)]);
    expect(run(outputs, [[...counter, ...key]])).toEqual(words.map((w) => [w]));
  });
});

describe("randomWord", () => {
  it("deals the four words of a counter to four elements", () => {
    const outputs = philox([word(3), word(4), word(2), word(4)], [word(0), word(1)]);
    const blocks = run(
      outputs,
      [0, 1, 2].map((counter) => [1234, 0, 5, counter, 0]),
    );
    const words = draw((i) => randomWord(state, i), 12);
    expect(words).toEqual([0, 1, 2].flatMap((b) => blocks.map((w) => w[b]!)));
  });

  it("differs between streams and between seeds", () => {
    const make = (i: Expr) => randomWord(state, i);
    expect(draw(make, 64, 5).filter((w) => draw(make, 64, 6).includes(w))).toEqual([]);
  });
});

describe("distributions", () => {
  const count = 20_000;
  const types: DType[] = ["float32", "float64"];

  it.each(types)("uniform %s fills [0, 1) evenly in steps of 2⁻²⁴", (type) => {
    const xs = draw((i) => uniformFromWord(randomWord(state, i), type as "float32"), count);
    expect(xs.every((x) => x >= 0 && x < 1 && Number.isInteger(x * 2 ** 24) && Math.fround(x) === x)).toBe(true);
    const bins = new Array<number>(16).fill(0);
    for (const x of xs) bins[Math.floor(x * 16)]!++;
    const chiSquare = bins.reduce((sum, n) => sum + (n - count / 16) ** 2 / (count / 16), 0);
    expect(chiSquare).toBeLessThan(37.7); // 15 degrees of freedom, one in a thousand
  });

  it("uniform reaches both ends and never 1", () => {
    const ends = run([uniformFromWord(word(0), "float32")], [[0], [255], [256], [0xffffffff]]);
    expect(ends).toEqual([[0, 0, 2 ** -24, 1 - 2 ** -24]]);
  });

  it("normal has the moments and the tails of one, and no correlation of neighbours", () => {
    const points = Array.from({ length: count }, (_, i) => [1234, 0, 5, i, 6]);
    const make = normalFromWords(
      randomWord(state, word(3)),
      randomWord({ ...state, stream: word(4) }, word(3)),
      "float64",
    );
    const normals = run([make], points)[0]!;
    const error = 4 / Math.sqrt(count); // four standard errors of a mean of unit variance
    expect(Math.abs(mean(normals))).toBeLessThan(error);
    expect(Math.abs(mean(normals.map((x) => x * x)) - 1)).toBeLessThan(error * Math.sqrt(2));
    expect(Math.abs(mean(normals.map((x) => x ** 3)))).toBeLessThan(error * Math.sqrt(15));
    expect(Math.abs(mean(normals.map((x) => x ** 4)) - 3)).toBeLessThan(error * Math.sqrt(96));
    expect(Math.abs(mean(normals.map((x) => +(Math.abs(x) > 1.959964))) - 0.05)).toBeLessThan(
      error * Math.sqrt(0.05 * 0.95),
    );
    expect(Math.abs(mean(normals.slice(1).map((x, i) => x * normals[i]!)))).toBeLessThan(error);
  });

  it("normal is finite for every word", () => {
    const [xs] = run(
      [normalFromWords(word(0), word(1), "float32")],
      [
        [0, 0],
        [0, 0x80000000],
        [0xffffffff, 0xffffffff],
        [0xffffffff, 0],
      ],
    );
    expect(xs!.every(Number.isFinite)).toBe(true);
  });
});
