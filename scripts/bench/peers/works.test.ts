// Every row's work exists, and does the same in every run of it.
import { expect, it } from "vitest";
import { rowsFor } from "../rows.js";
import { wordWorks } from "./torchium-words.js";
import { torchiumWorks } from "./torchium-works.js";

const { rows } = rowsFor({ only: undefined, all: true, onGpu: false });
const works = { ...torchiumWorks, ...wordWorks };

it("is offered by ours for every row", () => {
  expect(rows.map(({ op }) => op).filter((op) => !(op in works))).toEqual([]);
  const offered = new Set(rows.map(({ op }) => op));
  expect(Object.keys(works).filter((op) => !offered.has(op))).toEqual([]);
});

it("trains word vectors as the example does, from a text that is made up", async () => {
  const sizes = {
    ...{ words: 2000, lineLength: 20, vocabulary: 100, minCount: 5, epochs: 1 },
    ...{ width: 8, window: 2, negatives: 2, sample: 1000, batch: 256 },
  };
  const work = wordWorks.word2vecTraining!(sizes);
  // Of 100 words by Zipf's law all but a few are seen five times among 2,000.
  expect(await work.check!()).toBeGreaterThan(50);
  await work.run();
  work.dispose!();
});
