// Products in a row that read one weight, as a time loop's do: the weight is packed once, and anew whenever it may have
// changed. Held against the same products one submission each, which keep nothing, to the bit.

import { afterAll, describe, expect, it } from "vitest";
import type { BufferHandle, Launch, LaunchOperand } from "../../backend/backend.js";
import { kernelOf } from "../../backend/kernel-geometry.js";
import { input } from "../../kernel/expr.js";
import { makeProgram } from "../../kernel/program.js";
import * as s from "../../kernel/scalar.js";
import { seededNumbers } from "../../reference/random-order.js";
import { createCpuBackend } from "../backend.js";

const backends = await Promise.all([
  createCpuBackend({ threads: 1, relaxedSimd: false }),
  createCpuBackend({ threads: 1 }),
  createCpuBackend({ threads: 1, wideSimd: true }),
  createCpuBackend({ threads: 2, parallelNanoseconds: 0 }),
  createCpuBackend({ threads: 3, parallelNanoseconds: 0 }),
]);
afterAll(() => {
  for (const backend of backends) backend.dispose();
});

const half = makeProgram({
  inputs: [{ kind: "buffer", type: "float32", role: "full" }],
  scalars: [],
  reduces: [],
  outputs: [{ expr: s.mul(input(0, "float32", "full"), 0.5), role: "full" }],
});

describe.each(backends.map((backend) => ({ backend, info: backend.info })))(
  "products in a row, $info",
  ({ backend }) => {
    const random = seededNumbers(19);
    const fill = (buffer: BufferHandle): void => {
      const numbers = Float32Array.from({ length: buffer.byteLength / 4 }, () => random() * 2 - 1);
      backend.write(buffer, new Uint8Array(numbers.buffer));
    };
    const read = (buffer: BufferHandle): Buffer => Buffer.from(backend.readSync(buffer));
    // Matchers compare element by element, which takes seconds for arrays of this size.
    const expectSame = (a: Buffer, b: Buffer): void => expect(a.equals(b)).toBe(true);
    const place = (buffer: BufferHandle, strides: readonly number[], offset = 0): LaunchOperand => ({
      ...{ binding: { buffer }, strides, offset, byteOffset: 0 },
    });

    /** A row of products x·w, w dense or transposed; `changes` of them are followed by a launch that halves w. */
    function row(m: number, n: number, k: number, turned: boolean, changes: readonly number[]) {
      const count = 6;
      const [w, x, y] = [n * k, m * k * count, m * n * count].map((length) => backend.allocate(4 * length + 64));
      const product = backend.anchor({ op: "matmul", attributes: { type: "float32" }, rank: 3 })!;
      const halves = backend.compile(kernelOf(half, { sizes: [n * k], strides: [[1], [1]] }));
      const launches = Array.from({ length: count }, (_, i): Launch[] => {
        const stage = 2 * i;
        const b = place(w!, turned ? [0, k, 1] : [0, 1, n]);
        const operands = [place(x!, [k, 0, 1], i * m * k), b, place(y!, [n, 1, 0], i * m * n)];
        const change = { executable: halves, sizes: [n * k], operands: [place(w!, [1]), place(w!, [1])] };
        return [
          { executable: product, sizes: [m, n, k], operands, scalars: [], stage, label: "matmul" },
          ...(changes.includes(i) ? [{ ...change, scalars: [], stage: stage + 1, label: "half" }] : []),
        ];
      }).flat();
      return { launches, w: w!, x: x!, y: y! };
    }

    /** What the launches give together, and one by one. */
    function both({ launches, w, y }: ReturnType<typeof row>): readonly [Buffer, Buffer] {
      const before = backend.readSync(w);
      backend.submit(launches);
      const together = read(y);
      backend.write(w, before);
      for (const launch of launches) backend.submit([launch]);
      return [together, read(y)];
    }

    const sizes = [
      [16, 512, 128],
      [16, 128, 512],
      [5, 70, 300],
      [13, 33, 7],
      [3, 1024, 256],
      [14, 1100, 20],
      [2, 40, 40],
      [60, 100, 90],
      [16, 24, 0],
    ] as const;
    const table = sizes.flatMap(([m, n, k]) => [false, true].map((turned) => ({ m, n, k, turned })));

    it.each(table)("[$m, $k]·[$k, $n], transposed: $turned, in runs and replays", ({ m, n, k, turned }) => {
      const all = row(m, n, k, turned, []);
      for (let run = 0; run < 3; run++) {
        fill(all.w);
        fill(all.x);
        expectSame(...both(all));
      }
    });

    it.each([true, false])("a launch in between that writes the weight, transposed: %s", (turned) => {
      const all = row(50, 96, 64, turned, [1, 4]);
      fill(all.w);
      fill(all.x);
      expectSame(...both(all));
    });

    it("a replay with a weight of its own for some of the products", () => {
      const all = row(16, 96, 64, true, []);
      const other = backend.allocate(all.w.byteLength);
      for (const buffer of [all.w, all.x, other]) fill(buffer);
      backend.submit(all.launches);
      for (const at of [1, 2, 5]) all.launches[at]!.operands[1]!.binding!.buffer = other;
      expectSame(...both(all));
    });

    it("products of other weights in between", () => {
      const [first, second] = [row(16, 96, 64, true, []), row(50, 96, 64, false, [])];
      for (const buffer of [first.w, first.x, second.w, second.x]) fill(buffer);
      const mixed = first.launches.flatMap((launch, i) => {
        const stage = 2 * i;
        return i % 3 === 0
          ? [{ ...launch, stage }]
          : [
              { ...launch, stage },
              { ...second.launches[i]!, stage: stage + 1 },
            ];
      });
      backend.submit(mixed);
      const [one, two] = [read(first.y), read(second.y)];
      for (const launch of mixed) backend.submit([launch]);
      expectSame(one, read(first.y));
      expectSame(two, read(second.y));
    });
  },
);
