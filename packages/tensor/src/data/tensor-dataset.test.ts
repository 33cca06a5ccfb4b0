// Rows and batches of tensors, as items of a dataset.

import { describe, expect, it } from "vitest";
import { TensorError, tensor } from "../index.js";
import { DataLoader, TensorDataset } from "./index.js";

const errorLike = (code: string, part: string) =>
  expect.toSatisfy((e) => TensorError.is(e, code as never) && (e as Error).message.includes(part));

describe("TensorDataset", () => {
  const x = tensor([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  const y = tensor(Int32Array.of(7, 8, 9));

  it("gathers rows of every tensor", async () => {
    const dataset = new TensorDataset(x, y);
    expect(await dataset.at(1)[0].toArray()).toEqual([3, 4]);
    const batches: unknown[] = [];
    for (const [a, b] of new DataLoader(dataset, { batchSize: 2 }))
      batches.push([await a.toArray(), await b.toArray()]);
    expect(batches).toEqual([
      [
        [
          [1, 2],
          [3, 4],
        ],
        [7, 8],
      ],
      [[[5, 6]], [9]],
    ]);
  });

  it("needs tensors of equal length", () => {
    expect(() => new TensorDataset(x, tensor([1, 2]))).toThrow(errorLike("shape", "got [3, 2] and [2]"));
    expect(() => new TensorDataset(tensor(1))).toThrow(errorLike("shape", "first axis"));
    expect(() => new TensorDataset(5 as never)).toThrow(errorLike("argument", "a tensor, got 5"));
  });
});
