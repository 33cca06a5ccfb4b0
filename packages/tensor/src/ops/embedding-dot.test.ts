// Dot products with picked rows against the composition they stand for, with gradients of both orders; adding weighted
// rows against plain loops, on any number of threads.

import { describe, expect, test } from "vitest";
import { grad, rowGradientOf } from "../control.js";
import { createCpuDevice } from "../cpu/device.js";
import { tensor } from "../creation.js";
import { seededNumbers } from "../reference/random-order.js";
import { assignAll, type Tensor } from "../tensor.js";
import { testDevices } from "../testing/devices.js";
import { embeddingDot } from "./embedding-dot.js";
import { embedding } from "./indexing.js";
import { addRows, addWeightedRows } from "./row-updates.js";

const [count, picks, width, size] = [7, 3, 21, 5] as const;
const random = seededNumbers(3);
const floats = (n: number): Float32Array => Float32Array.from({ length: n }, () => random() * 2 - 1);
const data = { x: floats(count * width), table: floats(size * width), g: floats(count * picks) };
const ids = Int32Array.from({ length: count * picks }, (_, i) => (i * 7 + (i >> 2)) % size);

const devices = { ...testDevices, "cpu on 3 threads": () => createCpuDevice({ threads: 3, parallelNanoseconds: 0 }) };

for (const [name, makeDevice] of Object.entries(devices)) {
  describe(`embeddingDot on ${name}`, async () => {
    const device = await makeDevice();
    const inputs = () => ({
      x: tensor(data.x, { shape: [count, width], device, requiresGrad: true }),
      table: tensor(data.table, { shape: [size, width], device, requiresGrad: true }),
      at: tensor(ids, { shape: [count, picks], device }),
      g: tensor(data.g, { shape: [count, picks], device }),
    });
    const composed = (x: Tensor, table: Tensor, at: Tensor) => embedding(table, at).mul(x.unsqueeze(1)).sum(-1);
    const close = async (a: Tensor, b: Tensor): Promise<void> => {
      expect(a.shape).toEqual(b.shape);
      const wanted = [...(await b.data())];
      [...(await a.data())].forEach((value, i) => expect(value).toBeCloseTo(wanted[i] as number, 5));
    };

    test("is the products of the rows, added up", async () => {
      const { x, table, at } = inputs();
      await close(embeddingDot(x, table, at), composed(x, table, at));
      const turned = tensor(ids, { shape: [picks, count], device }).transpose(0, 1);
      await close(embeddingDot(x, table, turned), composed(x, table, turned));
    });

    test("has the composition's gradients, of the first order and of the second", async () => {
      const ops: ((x: Tensor, table: Tensor, at: Tensor) => Tensor)[] = [embeddingDot, composed];
      const found = ops.map((op) => {
        const { x, table, at, g } = inputs();
        const first = grad(op(x, table, at).tanh().mul(g).sum(), [x, table], { createGraph: true });
        return [...first, ...grad(first[0]!.square().sum().add(first[1]!.square().sum()), [x, table])];
      });
      for (let i = 0; i < 4; i++) await close(found[0]![i]!, found[1]![i]!);
    });

    test("gives the table's rows with sparse, whole or as products", async () => {
      const [a, b] = [inputs(), inputs()];
      embeddingDot(a.x, a.table, a.at).mul(a.g).sum().backward();
      embeddingDot(b.x, b.table, b.at, { sparse: true }).mul(b.g).sum().backward();
      expect(b.table.grad).toBeUndefined();
      const { indices, values, products } = rowGradientOf(b.table)!;
      const zeros = () => tensor(new Float32Array(size * width), { shape: [size, width], device });
      const dense = (await a.table.grad!.data()).slice();
      const wanted = tensor(dense as Float32Array, { shape: [size, width], device });
      await close(addRows(zeros(), indices, values), wanted);
      if (products) {
        await close(addWeightedRows(zeros(), indices.view(count, picks), products.weights, products.vectors), wanted);
      }
    });

    test("adds weighted rows in order, in place in an update", async () => {
      const { x, at, g } = inputs();
      const table = tensor(data.table, { shape: [size, width], device });
      const expected = data.table.slice();
      ids.forEach((id, i) => {
        for (let w = 0; w < width; w++) {
          const product = Math.fround(data.g[i]! * data.x[Math.floor(i / picks) * width + w]!);
          expected[id * width + w]! += product;
        }
      });
      assignAll([[table, addWeightedRows(table, at, g.detach(), x.detach())]], "test");
      const held = [...(await table.data())] as number[];
      held.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
    });

    test("says which id is outside", async () => {
      const { x, table } = inputs();
      const bad = ids.slice();
      bad[4] = size;
      expect(() => embeddingDot(x, table, tensor(bad, { shape: [count, picks], device }))).toThrow(/got 5/);
      const later = tensor(bad, { shape: [count, picks], device }).add(tensor(Int32Array.of(0), { device }));
      if (name !== "reference without anchors") await expect(embeddingDot(x, table, later).data()).rejects.toThrow(/5/);
    });

    test("refuses shapes that do not fit", () => {
      const { x, table, at } = inputs();
      expect(() => embeddingDot(x, table, at.narrow(0, 0, 3))).toThrow(/embeddingDot/);
      expect(() => embeddingDot(x.narrow(1, 0, 4), table, at)).toThrow(/embeddingDot/);
      expect(() => addWeightedRows(table, at, at.narrow(1, 0, 1), x)).toThrow(/addWeightedRows/);
    });
  });
}

test("the same bits on any number of threads", async () => {
  const results = [1, 2, 3].map(async (threads) => {
    const device = await createCpuDevice({ threads, parallelNanoseconds: 0 });
    const x = tensor(data.x, { shape: [count, width], device });
    const table = tensor(data.table, { shape: [size, width], device });
    const at = tensor(ids, { shape: [count, picks], device });
    const scores = embeddingDot(x, table, at);
    const flat = tensor(ids.slice(0, count), { shape: [count], device });
    const sums = [addWeightedRows(table, at, scores, x), addRows(table, flat, x)];
    const bits = [...(await scores.data()), ...(await sums[0]!.data()), ...(await sums[1]!.data())];
    device.dispose();
    return bits;
  });
  const [one, two, three] = await Promise.all(results);
  expect(two).toEqual(one);
  expect(three).toEqual(one);
});
