// Row-sparse gradients and updates against their dense forms, on every device, and what an update in place touches.

import { describe, expect, test } from "vitest";
import { noGrad, rowGradientOf } from "../control.js";
import { tensor } from "../creation.js";
import { assignAll, type Tensor } from "../tensor.js";
import { testDevices } from "../testing/devices.js";
import { embedding } from "./indexing.js";
import { addRows, mergeRows, setRows } from "./row-updates.js";

for (const [name, makeDevice] of Object.entries(testDevices)) {
  describe(`row updates on ${name}`, async () => {
    const device = await makeDevice();
    const table = (): Tensor =>
      tensor(
        Float32Array.from({ length: 12 }, (_, i) => i),
        { shape: [4, 3], device, requiresGrad: true },
      );
    const ids = (list: number[]): Tensor => tensor(Int32Array.from(list), { device });

    test("a sparse embedding's gradient is the dense one's, by row", async () => {
      const [a, b] = [table(), table()];
      const at = [2, 0, 2];
      embedding(a, ids(at)).square().sum().backward();
      embedding(b, ids(at), { sparse: true }).square().sum().backward();
      expect(b.grad).toBeUndefined();
      const { indices, values } = rowGradientOf(b)!;
      expect(await indices.toArray()).toEqual(at);
      const dense = tensor(new Float32Array(12), { shape: [4, 3], device });
      expect(await addRows(dense, indices, values).toArray()).toEqual(await a.grad!.toArray());
    });

    test("becomes dense beside a dense gradient", async () => {
      const [a, b] = [table(), table()];
      for (const [w, sparse] of [
        [a, false],
        [b, true],
      ] as const) {
        embedding(w, ids([1, 1]), { sparse })
          .sum()
          .add(w.square().sum())
          .backward();
        embedding(w, ids([3]), { sparse })
          .sum()
          .backward();
      }
      expect(await b.grad!.toArray()).toEqual(await a.grad!.toArray());
    });

    test("merges rows of one id", async () => {
      const merged = mergeRows(
        ids([5, 1, 5]),
        tensor(
          [
            [1, 2],
            [3, 4],
            [10, 20],
          ],
          { device },
        ),
      );
      expect(await merged.rows.toArray()).toEqual([
        [11, 22],
        [3, 4],
        [11, 22],
      ]);
      expect(await merged.leaders.toArray()).toEqual([0, 1, 0]);
      const unknownToHost = ids([5, 1, 5]).add(0);
      const again = mergeRows(
        unknownToHost,
        tensor(
          [
            [1, 2],
            [3, 4],
            [10, 20],
          ],
          { device },
        ),
      );
      expect(await again.rows.toArray()).toEqual([
        [11, 22],
        [3, 4],
        [11, 22],
      ]);
    });

    test("merges many rows of few ids into few, the same whether the host knows the ids or not", async () => {
      const known = Array.from({ length: 200 }, (_, i) => (i * i) % 37);
      const values = known.map((_, i) => [i, 1 / (i + 1)]);
      const short = mergeRows(ids(known), tensor(values, { device }));
      const long = mergeRows(ids(known).add(0), tensor(values, { device }));
      expect(short.ids.numel).toBeLessThan(60);
      expect(long.ids.numel).toBe(200);
      const read = async ({ ids, rows, leaders }: typeof short) => {
        const [at, sums, first] = await Promise.all([ids.toArray(), rows.toArray(), leaders.toArray()]);
        const [list, sum] = [at as number[], sums as number[][]];
        // Repeated ids hold equal rows, and all of them name the first.
        expect(first).toEqual(list.map((id) => list.indexOf(id)));
        for (const [i, id] of list.entries()) expect(sum[i]).toEqual(sum[list.indexOf(id)]);
        return new Map(list.map((id, i) => [id, sum[i]]));
      };
      expect(await read(short)).toEqual(await read(long));
    });

    test("adds and sets rows in place, and out of place", async () => {
      const w = table();
      const rows = tensor(
        [
          [1, 1, 1],
          [2, 2, 2],
          [1, 1, 1],
        ],
        { device },
      );
      const at = ids([3, 0, 3]);
      const added = [
        [2, 3, 4],
        [3, 4, 5],
        [6, 7, 8],
        [11, 12, 13],
      ];
      expect(await addRows(w.detach(), at, rows).toArray()).toEqual(added);
      noGrad(() => assignAll([[w, addRows(w, at, rows)]], "step"));
      expect(await w.toArray()).toEqual(added);
      noGrad(() => assignAll([[w, setRows(w, at, rows)]], "step"));
      expect(await w.toArray()).toEqual([
        [2, 2, 2],
        [3, 4, 5],
        [6, 7, 8],
        [1, 1, 1],
      ]);
    });

    test("reads the old table before it is overwritten", async () => {
      const w = table();
      const other = table();
      const rows = tensor([[1, 1, 1]], { device });
      noGrad(() =>
        assignAll(
          [
            [w, addRows(w, ids([0]), rows)],
            [other, other.add(w)],
          ],
          "step",
        ),
      );
      expect(((await w.toArray()) as number[][])[0]).toEqual([1, 2, 3]);
      expect(((await other.toArray()) as number[][])[0]).toEqual([0, 2, 4]);
    });
  });
}
