// Checkpoints in one file: everything comes back to the bit, and what is no checkpoint is refused.

import { describe, expect, it } from "vitest";
import { Generator, TensorError, tensor } from "../index.js";
import { Linear } from "../nn/index.js";
import { deserializeCheckpoint, loadSafetensors, serializeCheckpoint, serializeSafetensors } from "./index.js";

const format = (message: RegExp) =>
  expect.toSatisfy((e) => TensorError.is(e, "format") && message.test((e as Error).message));

describe("a checkpoint in one file", () => {
  it("restores a model, a generator and plain values", async () => {
    const model = new Linear(3, 2);
    const generator = new Generator(7);
    generator.nextStream();
    const progress = {
      step: 12,
      best: Number.POSITIVE_INFINITY,
      tokens: ["a", "b"],
      none: null,
      mean: tensor([1, -0]),
    };
    const bytes = await serializeCheckpoint({ model, generator, progress });
    const into = { model: new Linear(3, 2), generator: new Generator(0) };
    const loaded = await deserializeCheckpoint(bytes, { into });
    expect(await into.model.weight.data()).toEqual(await model.weight.data());
    expect(into.generator.state).toEqual({ seed: 7, stream: 1 });
    const { mean, ...plain } = loaded.progress as typeof progress;
    expect(plain).toEqual({ step: 12, best: Number.POSITIVE_INFINITY, tokens: ["a", "b"], none: null });
    expect(Object.is((await mean.data())[1], -0)).toBe(true);
  });

  it("is a safetensors file whose tensors say their part", async () => {
    const bytes = await serializeCheckpoint({ model: new Linear(3, 2), step: 1, w: tensor([1]) });
    expect(Object.keys(await loadSafetensors(bytes)).sort()).toEqual(["model.bias", "model.weight", "w.w"]);
    expect(Object.keys(await deserializeCheckpoint(bytes))).toEqual(["model", "step", "w"]);
  });

  it("is refused when it is none, or lacks a part, or is cut", async () => {
    const plain = await serializeSafetensors({ w: tensor([1]) });
    await expect(deserializeCheckpoint(plain)).rejects.toEqual(format(/without a training state/));
    const later = await serializeSafetensors({ w: tensor([1]) }, { "torchium-checkpoint": '{"version":2,"state":{}}' });
    await expect(deserializeCheckpoint(later)).rejects.toEqual(format(/got version 2, expected 1/));
    const good = await serializeCheckpoint({ generator: new Generator(1) });
    const into = { generator: new Generator(5), model: new Generator(6) };
    await expect(deserializeCheckpoint(good, { into })).rejects.toEqual(format(/no part "model"/));
    expect(into.generator.state).toEqual({ seed: 5, stream: 0 });
    const model = await serializeCheckpoint({ model: new Linear(3, 2) });
    await expect(deserializeCheckpoint(model.subarray(0, model.length - 4))).rejects.toEqual(format(/./));
  });
});
