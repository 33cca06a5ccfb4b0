// What the models' tests share: random ids, the largest difference, and the properties that every model has.

import { type Device, Generator, randint, type Tensor, tensor } from "@torchium/tensor";
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
