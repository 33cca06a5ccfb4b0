// Perplexity beside what every loss is tested for: saturation, its gradient there, views, and a corpus by batches.

import { Generator, randint, randn, type Tensor, tensor } from "@torchium/tensor";
import { functional } from "@torchium/tensor/nn";
import { describe, expect, test } from "vitest";
import { CorpusPerplexity, PerplexityLoss } from "./index.js";

const generator = () => new Generator(11);

describe("PerplexityLoss", () => {
  test("of a uniform guess is the size of the vocabulary", async () => {
    const loss = new PerplexityLoss().forward(tensor(new Float32Array(300), { shape: [3, 100] }), randint(0, 100, [3]));
    expect(await loss.item()).toBeCloseTo(100, 3);
  });

  test("has the gradient P·∇NLL", async () => {
    const x = randn(2, 3, 5, { dtype: "float64", generator: generator(), requiresGrad: true });
    const target = randint(0, 5, [2, 3], { generator: generator() });
    const loss = new PerplexityLoss().forward(x, target);
    loss.backward();
    const factor = await loss.item();
    const got = await x.grad!.data();
    x.grad = undefined;
    functional.crossEntropy(x.reshape(6, 5), target.reshape(6)).backward();
    (await x.grad!.data()).forEach((g, i) => expect(got[i]).toBeCloseTo(factor * g, 10));
  });

  test("takes shifted slices, which are views, as they are", async () => {
    const logits = randn(2, 4, 5, { generator: generator(), requiresGrad: true });
    const ids = randint(0, 5, [2, 4], { generator: generator() });
    const slices = [logits.slice(1, 0, 3), ids.slice(1, 1, 4)] as const;
    const viewed = new PerplexityLoss().forward(...slices);
    const copied = new PerplexityLoss().forward(slices[0].contiguous(), slices[1].contiguous());
    expect(await viewed.item()).toBe(await copied.item());
    viewed.backward();
    expect((await logits.grad!.select(1, 3).data()).every((g) => g === 0)).toBe(true);
  });

  test.each([
    [50, Math.exp(50), Math.exp(40)],
    [87, Math.exp(87), Math.exp(40)],
    [200, Math.exp(88), Math.exp(40)],
  ])("saturates as documented at a mean loss of %f", async (loss, value, slope) => {
    const x = tensor([[loss, 0]], { requiresGrad: true });
    const result = new PerplexityLoss().forward(x, tensor(Int32Array.of(1)));
    result.backward();
    expect((await result.item()) / value).toBeCloseTo(1, 4);
    const [up, down] = await x.grad!.data();
    expect(up! / slope).toBeCloseTo(1, 5);
    expect(down! / slope).toBeCloseTo(-1, 5);
    // What clipping by norm computes stays finite.
    expect(Number.isFinite(Math.fround(up! ** 2 + down! ** 2))).toBe(true);
  });

  test("of an impossible word is finite, of NaN it is NaN", async () => {
    const of = (x: Tensor) => new PerplexityLoss().forward(x, tensor(Int32Array.of(1))).item();
    expect(await of(tensor([[0, Number.NEGATIVE_INFINITY]]))).toBeCloseTo(Math.fround(Math.exp(88)), -34);
    expect(await of(tensor([[0, Number.NaN]]))).toBeNaN();
  });
});

describe("CorpusPerplexity", () => {
  test("does not depend on how the corpus is cut into batches", async () => {
    const logits = randn(12, 7, { dtype: "float64", generator: generator() });
    const ids = randint(0, 7, [12], { generator: generator() });
    const whole = new CorpusPerplexity();
    await whole.add(logits, ids);
    const parts = new CorpusPerplexity();
    await parts.add(logits.narrow(0, 0, 5), ids.narrow(0, 0, 5));
    await parts.add(logits.narrow(0, 5, 6).reshape(2, 3, 7), ids.narrow(0, 5, 6).reshape(2, 3));
    await parts.add(logits.narrow(0, 11, 1), ids.narrow(0, 11, 1));
    expect(parts.tokens).toBe(12);
    expect(parts.perplexity).toBeCloseTo(whole.perplexity, 10);
    expect(whole.perplexity).toBeCloseTo(await new PerplexityLoss().forward(logits, ids).item(), 10);
    expect(whole.loss).toBeCloseTo(Math.log(whole.perplexity), 12);
  });

  test("counts what is not ignored", async () => {
    const measured = new CorpusPerplexity({ ignoreIndex: 0 });
    expect(measured.loss).toBeNaN();
    await measured.add(randn(2, 3, 4), tensor(Int32Array.of(0, 1, 0, 0, 2, 3), { shape: [2, 3] }));
    expect(measured.tokens).toBe(3);
    expect(() => new CorpusPerplexity({ ignoreIndex: 0.5 })).toThrow(/ignoreIndex must be an integer, got 0.5/);
  });
});
