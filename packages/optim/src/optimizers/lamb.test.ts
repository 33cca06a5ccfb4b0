// LAMB beyond its trajectory: what an embedding's unused rows do to it, and when the ratio is 1.

import { embedding, tensor } from "@torchium/tensor";
import { describe, expect, it } from "vitest";
import { LAMB } from "./lamb.js";

const ids = tensor(Int32Array.of(0, 2));

/** How one step moves the used rows of a table, for some values of the unused ones. */
async function moves(unused: readonly number[], options = {}): Promise<number[]> {
  const rows = [[0.3, -0.4], unused, [1, 2], unused];
  const table = tensor(rows as number[][], { requiresGrad: true });
  const optimizer = new LAMB([table], { lr: 0.1, weightDecay: 0, ...options });
  embedding(table, ids)
    .mul(
      tensor([
        [1, -2],
        [3, 0.5],
      ]),
    )
    .sum()
    .backward();
  optimizer.step();
  const after = [...(await table.data())];
  expect(after.slice(2, 4)).toEqual(unused.map(Math.fround));
  return [0, 1, 4, 5].map((i) => after[i]! - Math.fround(rows.flat()[i]!));
}

describe("LAMB", () => {
  it("lets unused embedding rows act through the norm alone", async () => {
    const [small, large] = [await moves([0, 0]), await moves([3, 4])];
    const norm = Math.hypot(0.3, 0.4, 1, 2);
    const ratio = Math.hypot(norm, 5 * Math.SQRT2) / norm;
    small.forEach((x, i) => expect(large[i]).toBeCloseTo(ratio * x, 5));
  });

  it("is not swamped by them: the norm counts up to clampValue", async () => {
    const [small, large] = [await moves([30, 40], { clampValue: 1 }), await moves([3000, 4000], { clampValue: 1 })];
    small.forEach((x, i) => expect(large[i]).toBeCloseTo(x, 6));
  });

  it.each([
    ["a parameter of zeros", [0, 0], [1, -1], 0.1],
    ["a gradient of zeros", [1, 2], [0, 0], 0],
    ["clampValue 0", [1, 2], [1, -1], 0.1],
  ] as const)("takes Adam's step for %s", async (what, start, gradient, size) => {
    const p = tensor([...start], { requiresGrad: true });
    const clampValue = what === "clampValue 0" ? 0 : 10;
    const optimizer = new LAMB([p], { lr: 0.1, weightDecay: 0, eps: 1e-12, clampValue });
    p.grad = tensor([...gradient]);
    optimizer.step();
    const after = await p.data();
    start.forEach((x, i) => expect(after[i]).toBeCloseTo(x - size * Math.sign(gradient[i]!), 6));
  });
});
