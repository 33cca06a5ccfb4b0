// translate(), and generate() over an encoder stack: cached decoding must give what whole passes give.

import { defaultDevice, Generator, type Tensor, tensor } from "@torchium/tensor";
import type { Module } from "@torchium/tensor/nn";
import { describe, expect, it } from "vitest";
import { Seq2SeqModel } from "../models/seq2seq.js";
import { TransformerModel } from "../models/transformer.js";
import { errorLike } from "../test-helpers.js";
import { generate } from "./generate.js";
import { type TranslateOptions, translate } from "./translate.js";

const sizes = { dModel: 16, nhead: 2, numLayers: 2, maxLen: 12, dimFeedforward: 24 } as const;
const special = { bosId: 1, eosId: 2 };

/** The model with weights so large that it has opinions. */
function opinionated<M extends Module>(model: M): M {
  for (const p of model.parameters()) if (p.ndim > 1) p.assign(p.detach().mul(2.5));
  return model;
}

const make = (options: object = {}): Seq2SeqModel =>
  opinionated(
    new Seq2SeqModel({ inputVocabSize: 15, outputVocabSize: 13, ...sizes, ...options, generator: new Generator(4) }),
  );

const model = make();
const sources = [[3, 4, 5], [6], [7, 8, 9, 10, 11, 12], [3, 3], [14, 13]];
const idsOf = (ids: readonly number[]): Tensor => tensor(Int32Array.from(ids), { shape: [1, ids.length] });

/** Greedy decoding by whole passes over one sentence, without padding, written out. */
async function byHand(
  over: Seq2SeqModel,
  source: readonly number[],
  { bosId, eosId }: typeof special,
): Promise<number[]> {
  over.eval();
  const target = [bosId];
  while (target.length <= over.maxLen) {
    const logits = over.forward(idsOf(source), idsOf(target));
    const id = await logits.select(1, -1).argmax().item();
    if (id === eosId) break;
    target.push(id);
  }
  over.train();
  return target.slice(1);
}

const ways: [string, Partial<TranslateOptions>][] = [
  ["greedy", {}],
  ["drawn", { seed: 1, greedy: false }],
  ["drawn among few", { seed: 2, topK: 4, temperature: 1.5 }],
  ["searched", { beams: 4, maxNewTokens: 8 }],
  ["searched for short ones", { beams: 3, lengthPenalty: 0 }],
];

describe("translate", () => {
  it.each([
    ["norms after", {}],
    ["norms first", { normFirst: true, activation: "gelu" }],
  ])("decodes each source as whole passes over it alone do: %s", async (_, options) => {
    const over = make(options);
    const [free] = await translate(over, sources, special);
    // An end that some sentences come to.
    const rules = { ...special, eosId: free!.at(4)! };
    const targets = await translate(over, sources, rules);
    expect(targets[0]!.length).toBeLessThan(5);
    for (const [i, source] of sources.entries()) expect(targets[i]).toEqual(await byHand(over, source, rules));
  });

  it.each(ways)("gives the same with and without a cache: %s", async (_, options) => {
    const cached = await translate(model, sources, { ...special, ...options });
    expect(await translate(model, sources, { ...special, ...options, useCache: false })).toEqual(cached);
  });

  it.each(ways)("gives a source the same alone and beside longer ones: %s", async (_, options) => {
    const together = await translate(model, sources, { ...special, ...options });
    expect(await translate(model, sources[0]!, { ...special, ...options })).toEqual(together[0]);
  });

  it("takes one source or several, and frees what it held", async () => {
    const [first] = await translate(model, sources, special);
    expect(await translate(model, sources[0]!, special)).toEqual(first);
    const { liveBytes } = defaultDevice().memory();
    await translate(model, sources, { ...special, beams: 3 });
    // Less when what earlier tests dropped was collected meanwhile.
    expect(defaultDevice().memory().liveBytes).toBeLessThanOrEqual(liveBytes);
    expect(model.training).toBe(true);
  });

  it("compiles and plans nothing for other lengths", async () => {
    const long = make({ maxLen: 40 });
    const free = { ...special, eosId: 0 };
    await translate(long, sources, free);
    const { plansBuilt, kernelsCompiled } = defaultDevice().counters;
    const others = [
      [3, 4, 5, 6, 7, 8, 9, 10, 11],
      [6, 7, 8],
      [7, 8, 9, 10, 11, 12, 13],
      [3, 3, 5, 6],
      [14, 13],
    ];
    await translate(long, others, free);
    expect(defaultDevice().counters).toMatchObject({ plansBuilt, kernelsCompiled });
  });

  it.each([
    ["no source", [], {}, "argument", "translate: sources must be at least one list of ids, got 0"],
    ["an empty source", [[]], {}, "argument", "a source must be at least one id, got 0"],
    ["an id too large", [[15]], {}, "index", "translate: id is out of range, got 15, expected [0, 14]"],
    [
      "a source too long",
      [new Array(13).fill(3)],
      {},
      "shape",
      "a source is too long, got 13 tokens, expected at most 12",
    ],
    ["no BOS", [[3]], { bosId: 13 }, "argument", "bosId must be an id from 0 to 12, got 13"],
    ["half an EOS", [[3]], { eosId: 1.5 }, "argument", "eosId must be an id from 0 to 12, got 1.5"],
    ["targets too long", [[3]], { maxNewTokens: 13 }, "argument", "maxNewTokens must be at most maxLen (12), got 13"],
    ["beams that draw", [[3]], { beams: 2, topP: 0.5 }, "argument", "topP must be left out with beams"],
  ])("refuses %s", async (_, rows, options, code, message) => {
    await expect(translate(model, rows as number[][], { ...special, ...options })).rejects.toThrow(
      errorLike(code, message),
    );
  });
});

describe("generate over TransformerModel", () => {
  const kinds: [string, object][] = [
    ["norms after", {}],
    ["norms first, tied", { normFirst: true, tieWeights: true }],
  ];

  it.each(kinds)("gives the same with and without a cache: %s", async (_, options) => {
    const decoder = opinionated(
      new TransformerModel({ vocabSize: 15, ...sizes, ...options, generator: new Generator(4) }),
    );
    for (const rules of [{ greedy: true }, { seed: 1, maxNewTokens: 20 }, { beams: 3, maxNewTokens: 6 }]) {
      const cached = await generate(decoder, [[1, 2], [3], [4, 5, 6]], { maxNewTokens: 9, ...rules });
      const whole = await generate(decoder, [[1, 2], [3], [4, 5, 6]], { maxNewTokens: 9, ...rules, useCache: false });
      expect(whole).toEqual(cached);
    }
  });
});
