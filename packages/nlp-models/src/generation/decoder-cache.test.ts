// A prompt read in pieces through a cache gives what it gives read at once, whatever the pieces.

import { Generator, noGrad, type Tensor, tensor } from "@torchium/tensor";
import { expect, it } from "vitest";
import { GPTModel } from "../models/gpt.js";
import { Seq2SeqModel } from "../models/seq2seq.js";
import { idsOf, largestDifference, randomIds } from "../models/test-models.js";
import { TransformerModel } from "../models/transformer.js";
import { DecoderCache } from "./decoder-cache.js";

const generator = new Generator(2);
const sizes = { dModel: 16, nhead: 2, numLayers: 2, maxLen: 150, dropout: 0, generator } as const;
const gpt = new GPTModel({ vocabSize: 23, ...sizes });
const stack = new TransformerModel({ vocabSize: 23, dimFeedforward: 24, ...sizes });
const seq2seq = new Seq2SeqModel({ inputVocabSize: 9, outputVocabSize: 23, dimFeedforward: 24, ...sizes });
const memory = seq2seq.encode(
  randomIds(9, [2, 3]),
  idsOf([
    [1, 1, 1],
    [1, 1, 0],
  ]),
);

const steps: [string, (ids: Tensor, cache?: DecoderCache) => Tensor][] = [
  ["GPTModel", (ids, cache) => gpt.nextLogits(ids, cache)],
  ["TransformerModel", (ids, cache) => stack.nextLogits(ids, cache)],
  ["Seq2SeqModel", (ids, cache) => seq2seq.nextLogits(ids, memory, cache)],
];

// The last two cross the edge of what a cache first has room for.
const pieces = [
  [1, 1, 1, 1],
  [3, 1, 2],
  [2, 3, 4],
  [60, 10],
  [63, 1, 1, 1, 70],
];

it.each(steps)("%s", async (_, step) => {
  for (const lengths of pieces) {
    const whole = randomIds(23, [2, lengths.reduce((a, b) => a + b, 0)]);
    const cache = new DecoderCache();
    let seen = 0;
    for (const length of lengths) {
      const logits = noGrad(() => step(whole.narrow(1, seen, length), cache));
      seen += length;
      expect(
        await largestDifference(
          logits,
          noGrad(() => step(whole.narrow(1, 0, seen))),
        ),
      ).toBeLessThan(2e-6);
    }
    cache.clear();
  }
});

it("follows its rows", async () => {
  const cache = new DecoderCache();
  const ids = randomIds(23, [3, 5]);
  noGrad(() => gpt.nextLogits(ids.narrow(1, 0, 4), cache));
  cache.select(tensor(Int32Array.of(2, 0, 2, 2)));
  const rows = ids.indexSelect(0, tensor(Int32Array.of(2, 0, 2, 2)));
  const got = noGrad(() => gpt.nextLogits(rows.narrow(1, 4, 1), cache));
  expect(await largestDifference(got, gpt.nextLogits(rows))).toBeLessThan(2e-6);
  cache.clear();
});
