// Against PyTorch's numbers, written out, and against what each function promises.

import { describe, expect, test } from "vitest";
import { Generator, ones, type Tensor, tensor, zeros } from "../index.js";
import * as more from "./index.js";

const x = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const ids = (...values: number[]): Tensor => tensor(Int32Array.from(values));

test("tensors like another", async () => {
  const double = zeros(2, 3, { dtype: "float64" });
  for (const make of [more.zerosLike, more.onesLike, more.randLike, more.randnLike]) {
    expect(make(double)).toMatchObject({ shape: [2, 3], dtype: "float64" });
    expect(make(double, { dtype: "float32", requiresGrad: true })).toMatchObject({
      dtype: "float32",
      requiresGrad: true,
    });
  }
  expect(await more.fullLike(ids(1, 2), 7).data()).toEqual(Int32Array.of(7, 7));
});

describe("diagonals", () => {
  test.each([
    [0, [1, 5]],
    [1, [2, 6]],
    [2, [3]],
    [3, []],
    [-1, [4]],
    [-2, []],
  ])("%i above the main one", async (offset, expected) => {
    expect(await more.diagonal(x, offset).toArray()).toEqual(expected);
    expect(await more.diag(x, offset).toArray()).toEqual(expected);
  });

  test.each([-2, -1, 0, 1, 2])("diag of a vector, %i above, is undone by diagonal", async (offset) => {
    const vector = tensor([1, 2, 3], { requiresGrad: true });
    const matrix = more.diag(vector, offset);
    expect(matrix.shape).toEqual([3 + Math.abs(offset), 3 + Math.abs(offset)]);
    expect(await more.diagonal(matrix, offset).toArray()).toEqual([1, 2, 3]);
    expect(await matrix.sum().item()).toBe(6);
    matrix.mul(2).sum().backward();
    expect(await vector.grad!.toArray()).toEqual([2, 2, 2]);
  });

  test("trace and outer", async () => {
    expect(await more.trace(x).item()).toBe(6);
    expect(await more.outer(tensor([1, 2]), tensor([3, 4, 5])).toArray()).toEqual([
      [3, 4, 5],
      [6, 8, 10],
    ]);
  });
});

test("argsort, isinf, logaddexp, repeatInterleave", async () => {
  const far = Number.POSITIVE_INFINITY;
  expect(await more.argsort(tensor([3, 1, 2]), 0, { descending: true }).toArray()).toEqual([0, 2, 1]);
  expect(await more.isinf(tensor([1, far, -far, Number.NaN])).toArray()).toEqual([false, true, true, false]);
  const sums = await more.logaddexp(tensor([0, 1000, -far, far]), tensor([0, 1000, -far, far])).data();
  expect([...sums]).toEqual([Math.fround(Math.LN2), Math.fround(1000 + Math.LN2), -far, far]);
  expect(await more.repeatInterleave(x, 2, 1).toArray()).toEqual([
    [1, 1, 2, 2, 3, 3],
    [4, 4, 5, 5, 6, 6],
  ]);
  expect(await more.repeatInterleave(x, [2, 1]).select(1, 0).toArray()).toEqual([1, 1, 4]);
});

describe("what depends on values", () => {
  test("nonzero and maskedSelect", async () => {
    const mask = x.remainder(2).eq(0);
    expect(await (await more.nonzero(mask)).toArray()).toEqual([
      [0, 1],
      [1, 0],
      [1, 2],
    ]);
    expect((await more.nonzero(zeros(2, 3))).shape).toEqual([0, 2]);
    const leaf = tensor([1, 2, 3], { requiresGrad: true });
    const chosen = await more.maskedSelect(leaf, leaf.detach().gt(1));
    chosen.square().sum().backward();
    expect(await chosen.toArray()).toEqual([2, 3]);
    expect(await leaf.grad!.toArray()).toEqual([0, 4, 6]);
  });

  test("unique and bincount", async () => {
    const { values, inverse, counts } = await more.unique(
      tensor([
        [3, 1],
        [3, 2],
      ]),
    );
    expect(await values.toArray()).toEqual([1, 2, 3]);
    expect(await inverse.toArray()).toEqual([
      [2, 0],
      [2, 1],
    ]);
    expect(await counts.toArray()).toEqual([1, 1, 2]);
    expect(await (await more.bincount(ids(1, 3, 1), 5)).toArray()).toEqual([0, 2, 0, 1, 0]);
  });

  test("allclose", async () => {
    const nan = tensor([Number.NaN, Number.POSITIVE_INFINITY]);
    expect(await more.allclose(tensor([1, 2]), tensor([1, 2 + 1e-6]))).toBe(true);
    expect(await more.allclose(tensor([1, 2]), tensor([1, 2.001]))).toBe(false);
    expect(await more.allclose(nan, nan)).toBe(false);
    expect(await more.allclose(nan, nan, { equalNan: true })).toBe(true);
  });
});

describe("multinomial", () => {
  const shares = [0.1, 0, 0.6, 0.3];

  test.each([true, false])("draws each position with its share, replacement %s", async (replacement) => {
    const rows = 4000;
    const weights = tensor(shares).expand(rows, 4);
    const drawn = await more.multinomial(weights, 1, { replacement, generator: new Generator(5) }).data();
    const counts = [0, 0, 0, 0];
    for (const at of drawn) counts[at]!++;
    expect(counts[1]).toBe(0);
    // Four standard deviations.
    shares.forEach((p, i) =>
      expect(Math.abs(counts[i]! / rows - p)).toBeLessThanOrEqual(4 * Math.sqrt((p * (1 - p)) / rows)),
    );
  });

  test("without replacement none comes twice; shapes and seeds", async () => {
    const draw = () => more.multinomial(ones(5, 6), 6, { generator: new Generator(2) });
    for (const row of (await draw().toArray()) as number[][]) expect([...row].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await draw().toArray()).toEqual(await draw().toArray());
    expect(more.multinomial(ones(3), 7, { replacement: true })).toMatchObject({ shape: [7], dtype: "int32" });
  });
});
