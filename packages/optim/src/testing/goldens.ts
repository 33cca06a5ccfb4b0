// Goldens: what PyTorch computes, and how near a result must come to it. `scripts/goldens/README.md` has the format.

import { readFileSync } from "node:fs";
import { type DType, type Tensor, type TensorOptions, tensor } from "@torchium/tensor";
import { expect } from "vitest";

/** An array of a golden file. Words stand for what JSON lacks. */
export type Golden = {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly data: readonly (number | string)[];
  readonly float32Error?: number;
};

/** The content of `packages/optim/goldens/<name>.json`. */
export function readGoldens<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../goldens/${name}.json`, import.meta.url), "utf8")) as T;
}

const words: Readonly<Record<string, number>> = { nan: Number.NaN, inf: Infinity, "-inf": -Infinity, "-0.0": -0 };

/** The numbers of a golden; float32 values exactly. */
export const numbersOf = ({ data }: Golden): number[] => data.map((x) => (typeof x === "string" ? words[x]! : x));

/** An option as the project spells it: the goldens write infinity as a word. */
export const optionsOf = (options: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).map(([name, x]) => [name, typeof x === "string" ? (words[x] ?? x) : x]));

/** A golden input as a tensor: its float32 values, in any floating dtype. */
export const tensorOf = (golden: Golden, options: TensorOptions = {}): Tensor =>
  tensor(Float64Array.from(numbersOf(golden), Math.fround), { dtype: "float32", ...options, shape: golden.shape });

/**
 * Expects a result within PyTorch's own float32 error times 8 plus a few ulp of the largest magnitude; a float64 result
 * within the nine digits that goldens have.
 */
export function expectNear(got: ArrayLike<number>, golden: Golden, dtype: DType, what = ""): void {
  const expected = numbersOf(golden);
  const largest = expected.reduce((m, x) => (Number.isFinite(x) ? Math.max(m, Math.abs(x)) : m), 0);
  const allowed = dtype === "float64" ? 6e-9 * largest : 8 * (golden.float32Error ?? 0) + 4 * 2 ** -23 * largest;
  expected.forEach((x, i) => {
    if (Object.is(got[i], x) || Math.abs(got[i]! - x) <= allowed) return;
    expect.fail(`${what} element ${i}: got ${got[i]}, expected ${x} within ${allowed}`);
  });
  expect(got.length).toBe(expected.length);
}
