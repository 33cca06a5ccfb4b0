// What the models' tests share: random ids, the largest difference, and the properties that every model has.

import { assignAll, type Device, Generator, randint, randn, type Tensor, tensor } from "@torchium/tensor";
import type { Module } from "@torchium/tensor/nn";
import { expect } from "vitest";

/** Ids [rows][columns] as an int32 tensor. */
export const idsOf = (rows: readonly (readonly number[])[], device?: Device): Tensor =>
  tensor(Int32Array.from(rows.flat()), { shape: [rows.length, rows[0]!.length], ...(device ? { device } : {}) });

/** Random ids below `vocabSize`. */
export const randomIds = (vocabSize: number, shape: readonly number[], seed = 1): Tensor =>
  randint(0, vocabSize, shape, { generator: new Generator(seed) });

/** The values of a tensor as numbers. */
export const valuesOf = async (x: Tensor): Promise<number[]> => [...(await x.data())];

/** Whether two tensors hold the same bits. */
export async function expectSameBits(got: Tensor, expected: Tensor): Promise<void> {
  expect(got.shape).toEqual(expected.shape);
  expect(await valuesOf(got)).toEqual(await valuesOf(expected));
}

/** The largest difference of two tensors of one shape. */
export async function largestDifference(a: Tensor, b: Tensor): Promise<number> {
  expect(a.shape).toEqual(b.shape);
  const [x, y] = [await valuesOf(a), await valuesOf(b)];
  return x.reduce((most, value, i) => Math.max(most, Math.abs(value - y[i]!)), 0);
}

/** A scalar in which every element counts differently: a plain sum has no gradient through a norm. */
export const weightedSum = (x: Tensor): Tensor =>
  x
    .mul(
      tensor(
        Float64Array.from({ length: x.numel }, (_, i) => Math.sin(i)),
        { shape: x.shape },
      ).to(x.dtype),
    )
    .sum();

/** Every parameter takes part: none is without a gradient, none has one of zeros alone. */
export async function expectGradientsEverywhere(model: Module, loss: Tensor): Promise<void> {
  loss.backward();
  for (const [name, parameter] of model.namedParameters()) {
    const values = parameter.grad ? await valuesOf(parameter.grad) : [];
    expect(values.every(Number.isFinite), `${name} has a finite gradient`).toBe(true);
    expect(
      values.some((x) => x !== 0),
      `${name} has a gradient`,
    ).toBe(true);
  }
  model.zeroGrad();
}

/** A fresh model with the state of another gives the same bits. */
export async function expectStateRoundTrip<M extends Module>(
  model: M,
  fresh: M,
  run: (model: M) => Tensor,
): Promise<void> {
  expect(await largestDifference(run(model), run(fresh))).toBeGreaterThan(0);
  fresh.loadStateDict(model.stateDict());
  await expectSameBits(run(fresh), run(model));
}

/**
 * The gradient of a float64 model, taken along one random direction of all its parameters, equals the central
 * difference of the loss.
 */
export async function expectGradientAlongDirection(model: Module, loss: () => Tensor): Promise<void> {
  const parameters = model.parameters();
  const generator = new Generator(11);
  const directions = parameters.map(({ shape, dtype }) => randn(shape, { dtype: dtype as "float64", generator }));
  loss().backward();
  const slopes = parameters.flatMap(({ grad }, i) => (grad ? [grad.mul(directions[i]!).sum()] : []));
  const slope = await slopes.reduce((a, b) => a.add(b)).item();
  const lossAfter = async (step: number): Promise<number> => {
    assignAll(
      parameters.map((p, i) => [p, p.detach().add(directions[i]!.mul(step))]),
      "shift",
    );
    return loss().item();
  };
  const h = 1e-5;
  const difference = ((await lossAfter(h)) - (await lossAfter(-2 * h))) / (2 * h);
  expect(Math.abs(slope - difference)).toBeLessThan(1e-4 * Math.abs(difference) + 1e-8);
}
