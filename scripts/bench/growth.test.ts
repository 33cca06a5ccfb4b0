// Exponents of series that were made up with them.
import { expect, it } from "vitest";
import { growthOf, growthText } from "./growth.js";
import { lineOf } from "./testing.js";

it("fits time and memory of rows that differ in one size, each peer and number of threads by itself", () => {
  const lines = [2, 4, 8].map((size) =>
    lineOf(
      { name: `GPT, batch ${size}`, group: "growth", tokens: size, series: { of: "batch", size } },
      { ours: { time: 3 * size ** 0.9, peakBytes: 7 * size ** 0.5 }, PyTorch: 5 * size },
      { threads: 2 },
    ),
  );
  expect(growthOf(lines).map(growthText)).toEqual([
    "ours, time of GPT, 2 threads: grows as batch^0.90, memory as batch^0.50",
    "PyTorch, time of GPT, 2 threads: grows as batch^1.00",
  ]);
});

it("fits the time of a step over the number of threads", () => {
  const lines = [1, 2, 4].map((threads) => lineOf({ name: "a step", tokens: 1 }, { ours: 8 / threads }, { threads }));
  expect(growthOf(lines).map(growthText)).toEqual(["ours, time of a step: grows as threads^-1.00"]);
  expect(growthOf(lines.slice(0, 1))).toEqual([]);
});
