// generate() over a small model: the cache changes nothing but the time, and plans nothing new as it grows.

import { defaultDevice, Generator, manualSeed, tensor } from "@torchium/tensor";
import { describe, expect, it } from "vitest";
import { GPTModel, type GPTOptions } from "../models/gpt.js";
import { errorLike } from "../test-helpers.js";
import { generate, generateStream } from "./generate.js";
import type { BeamSearchOptions, GenerateOptions } from "./request.js";

const make = (options: GPTOptions = {}): GPTModel =>
  new GPTModel({
    vocabSize: 23,
    dModel: 16,
    nhead: 2,
    numLayers: 2,
    maxLen: 16,
    ...options,
    generator: new Generator(3),
  });

// Weights much larger than at the start, so that the model has opinions.
const opinionated = (options: GPTOptions = {}): GPTModel => {
  const model = make(options);
  for (const p of model.parameters()) if (p.ndim > 1) p.assign(p.detach().mul(12));
  return model;
};

const model = opinionated();
const prompts = [[1, 2, 3], [4], [5, 6, 7, 8, 9]];

describe("generate", () => {
  const ways: [string, GenerateOptions & BeamSearchOptions][] = [
    ["greedy", { greedy: true }],
    ["drawn", { seed: 1 }],
    ["drawn among few", { seed: 2, topK: 5, topP: 0.8, temperature: 1.5 }],
    ["searched", { beams: 3, maxNewTokens: 8 }],
    ["beyond the model's length", { seed: 3, maxNewTokens: 24 }],
    ["until a stop id", { seed: 4, stopIds: [11, 12, 13] }],
  ];

  it.each(ways)("gives the same tokens with and without a cache: %s", async (_, options) => {
    const rules = { maxNewTokens: 10, ...options };
    const cached = await generate(model, prompts, rules);
    expect(await generate(model, prompts, { ...rules, useCache: false })).toEqual(cached);
    cached.forEach((row, i) => {
      expect(row.slice(0, prompts[i]!.length)).toEqual(prompts[i]);
      if (!rules.stopIds) expect(row).toHaveLength(prompts[i]!.length + rules.maxNewTokens);
    });
  });

  it.each(ways)("caches under every kind of block: %s", async (_, options) => {
    const other = opinionated({ normFirst: false, bias: false, tieWeights: false, scaleEmbedding: true });
    const rules = { maxNewTokens: 6, ...options };
    expect(await generate(other, prompts, { ...rules, useCache: false })).toEqual(
      await generate(other, prompts, rules),
    );
  });

  it("takes the likeliest token each time when greedy", async () => {
    const ids = [4, 5];
    for (let i = 0; i < 8; i++) {
      const logits = model.eval().forward(tensor(Int32Array.from(ids), { shape: [1, ids.length] }));
      ids.push(await logits.select(1, -1).argmax().item());
    }
    expect(await generate(model, [4, 5], { greedy: true, maxNewTokens: 8 })).toEqual(ids);
  });

  it("takes one prompt, several, or a tensor of them", async () => {
    const options = { greedy: true, maxNewTokens: 3 };
    const several = await generate(
      model,
      [
        [1, 2],
        [3, 4],
      ],
      options,
    );
    expect(await generate(model, tensor(Int32Array.of(1, 2, 3, 4), { shape: [2, 2] }), options)).toEqual(several);
    expect(await generate(model, [1, 2], options)).toEqual(several[0]);
  });

  it("follows its seed, else the generator, else the default one", async () => {
    const draw = (options: GenerateOptions = {}): Promise<number[]> =>
      generate(model, [1], { maxNewTokens: 12, ...options });
    expect(await draw({ seed: 7 })).toEqual(await draw({ seed: 7 }));
    expect(await draw({ seed: 7 })).not.toEqual(await draw({ seed: 8 }));
    expect(await draw({ generator: new Generator(7) })).toEqual(await draw({ seed: 7 }));
    manualSeed(7);
    const first = await draw();
    expect(await draw()).not.toEqual(first);
    manualSeed(7);
    expect(await draw()).toEqual(first);
  });

  it("finds with beams a continuation at least as likely as the greedy one", async () => {
    const logProbability = async (row: number[]): Promise<number> => {
      const logits = model.eval().forward(tensor(Int32Array.from(row), { shape: [1, row.length] }));
      const steps = (await logits.logSoftmax(-1).toArray()) as number[][][];
      return row.slice(1).reduce((sum, id, t) => sum + steps[0]![t]![id]!, 0);
    };
    const rules = { maxNewTokens: 2 };
    const greedy = await generate(model, [1], { ...rules, greedy: true });
    const best = await generate(model, [1], { ...rules, beams: 23 });
    expect(await logProbability(best)).toBeGreaterThanOrEqual((await logProbability(greedy)) - 1e-6);
  });

  it("turns dropout off, and on again for the modules that had it", async () => {
    const noisy = opinionated({ dropout: 0.5 });
    noisy.blocks.at(0).eval();
    const first = await generate(noisy, [1], { greedy: true, maxNewTokens: 9 });
    expect(await generate(noisy, [1], { greedy: true, maxNewTokens: 9 })).toEqual(first);
    expect(noisy.training).toBe(true);
    expect(noisy.blocks.at(0).training).toBe(false);
    await expect(generate(noisy, [99])).rejects.toThrow(/out of range/);
    expect(noisy.training).toBe(true);
  });

  it("compiles and plans nothing as the cache grows, binds few plans, and frees it in the end", async () => {
    const device = defaultDevice();
    const long = opinionated({ maxLen: 256 });
    // The cache makes room for more once.
    await generate(long, [1], { seed: 1, maxNewTokens: 70 });
    const before = device.counters;
    const { liveBytes } = device.memory();
    await generate(long, [1], { seed: 2, maxNewTokens: 200 });
    const { plansBuilt, plansBound, kernelsCompiled } = device.counters;
    expect({ plansBuilt, kernelsCompiled }).toMatchObject({
      plansBuilt: before.plansBuilt,
      kernelsCompiled: before.kernelsCompiled,
    });
    expect(plansBound - before.plansBound).toBeLessThan(8);
    // Less when what earlier tests dropped was collected meanwhile.
    expect(device.memory().liveBytes).toBeLessThanOrEqual(liveBytes);
  });

  it.each([
    ["no prompt", [], {}, "argument", "prompts must be at least one list of ids, got 0"],
    ["an empty prompt", [[1], []], {}, "argument", "a prompt must be at least one id, got 0"],
    ["an id too large", [[1, 23]], {}, "index", "generate: id is out of range, got 23, expected [0, 22]"],
    [
      "a prompt too long",
      [new Array(17).fill(1)],
      {},
      "shape",
      "a prompt is too long, got 17 tokens, expected at most 16 (maxLen)",
    ],
    [
      "a negative length",
      [[1]],
      { maxNewTokens: -1 },
      "argument",
      "maxNewTokens must be an integer of at least 0, got -1",
    ],
    ["half a beam", [[1]], { beams: 0.5 }, "argument", "beams must be a positive integer, got 0.5"],
    [
      "beams that draw",
      [[1]],
      { beams: 2, topK: 3 },
      "argument",
      "topK must be left out with beams, which draw nothing, got 3",
    ],
    [
      "a negative penalty",
      [[1]],
      { lengthPenalty: -1 },
      "argument",
      "lengthPenalty must be a number of at least 0, got -1",
    ],
    ["no temperature", [[1]], { temperature: 0 }, "argument", "temperature must be a number above 0"],
    ["a misspelt option", [[1]], { maxNewToken: 5 }, "argument", "unknown option, got maxNewToken, did you mean max"],
    ["options that are none", [[1]], 5, "argument", "generate: options must be an object, got 5"],
    ["a text for its ids", "abc", {}, "argument", "the prompt must be ids (tokenizer.encode gives them)"],
    ["no prompt", null, {}, "argument", "the prompt must be ids"],
  ])("refuses %s", async (_, rows, options, code, message) => {
    await expect(generate(model, rows as number[][], options as object)).rejects.toThrow(errorLike(code, message));
  });

  it("refuses what is no model", async () => {
    const message = "generate: the model must be a Module with nextLogits(), got 5";
    await expect(generate(5 as never, [[1]])).rejects.toThrow(errorLike("argument", message));
  });
});

describe("generateStream", () => {
  it("gives the tokens of generate, one by one", async () => {
    const options = { seed: 5, maxNewTokens: 9, stopIds: [3] };
    const whole = await generate(model, [1, 2], options);
    const tokens: number[] = [];
    for await (const id of generateStream(model, [1, 2], options)) tokens.push(id);
    expect([1, 2, ...tokens]).toEqual(whole);
  });

  it("may be left early", async () => {
    const noisy = opinionated({ dropout: 0.5 });
    for await (const id of generateStream(noisy, [1])) {
      expect(id).toBeLessThan(23);
      break;
    }
    expect(noisy.training).toBe(true);
  });
});
