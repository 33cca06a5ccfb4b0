// Which rows are cut into parts. The choice is a function of sizes alone, so one launch is summed in one order on every GPU.

import { input, kernelOf, makeProgram, RowBuilder } from "@torchium/tensor/backend";
import { expect, it } from "vitest";
import { defaultLongBlock, longRowShape } from "./choose-schedule.js";

const row = new RowBuilder();
const sum = makeProgram({
  inputs: [{ kind: "buffer", type: "float32", role: "full" }],
  scalars: [],
  reduces: row.reduces,
  outputs: [{ expr: row.sum(input(0, "float32", "full")), role: "row" }],
});

const shapeOf = (rows: number, length: number, vector: number, across = false) => {
  const strides = across ? [1, rows] : [length, 1];
  const results = [1, 0];
  const kernel = kernelOf(sum, { sizes: [rows, length], strides: [strides, results] });
  const operands = [strides, results].map((s) => ({ binding: undefined, byteOffset: 0, strides: s, offset: 0 }));
  return longRowShape(kernel, { sizes: [rows, length], operands }, rows, length, vector, defaultLongBlock);
};

it.each([
  [
    "the norm of an embedding's gradient",
    shapeOf(1, 38_597_376, 4),
    { walk: "rows", blocks: 1, lanes: 256 },
    1000,
    1024,
  ],
  ["a loss over a million elements", shapeOf(1, 1_000_003, 1), { walk: "rows", blocks: 1, lanes: 256 }, 60, 64],
  ["some long rows", shapeOf(100, 400_000, 4), { walk: "rows", blocks: 100, lanes: 256 }, 9, 10],
  [
    "columns that are few and tall",
    shapeOf(3, 4_000_000, 1, true),
    { walk: "columns", blocks: 1, lanes: 64 },
    900,
    1024,
  ],
])("%s: parts on blocks of their own", (_, shape, expected, least, most) => {
  expect(shape).toMatchObject({ ...expected, threads: 256 });
  expect(shape!.parts).toBeGreaterThanOrEqual(least);
  expect(shape!.parts).toBeLessThanOrEqual(most);
  expect(shape!.perPart % 4).toBe(0);
});

it.each([
  ["logits of a batch", shapeOf(1024, 50_257, 1)],
  ["a row that one block reads at once", shapeOf(1, 100_000, 4)],
  ["long rows that are many", shapeOf(500, 400_000, 4)],
  ["wide rows, summed down", shapeOf(100_000, 3000, 1, true)],
])("%s: whole rows", (_, shape) => {
  expect(shape).toBeUndefined();
});
