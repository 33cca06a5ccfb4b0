import { afterAll, describe, expect, it } from "vitest";
import type { AnchorCall, Kernel, LaunchOperand } from "../../backend/backend.js";
import { kernelOf } from "../../backend/kernel-geometry.js";
import {
  byteLengthOf,
  type DataArray,
  type DType,
  fromDeviceBytes,
  isFloat,
  makeData,
  toDeviceBytes,
} from "../../dtype.js";
import { input, scalar } from "../../kernel/expr.js";
import { makeProgram } from "../../kernel/program.js";
import * as s from "../../kernel/scalar.js";
import { seededNumbers } from "../../reference/random-order.js";
import { contiguousStrides, sizeOf } from "../../shape.js";
import { type CpuBackend, createCpuBackend } from "../backend.js";
import { loopLibrary } from "../blas/testing/loops.js";

const backends = await Promise.all([
  createCpuBackend({ threads: 1, relaxedSimd: false }),
  createCpuBackend({ threads: 1 }),
  createCpuBackend({ threads: 3, parallelNanoseconds: 0 }),
  createCpuBackend({ threads: 2, parallelNanoseconds: 0, blas: loopLibrary(1).blas }),
]);
afterAll(() => {
  for (const backend of backends) backend.dispose();
});

type Operand = {
  readonly type: DType;
  readonly data: DataArray;
  readonly strides: readonly number[];
  readonly offset?: number;
};

/** Runs an anchor once; gives what each operand holds after it. */
function runAll(
  backend: CpuBackend,
  call: AnchorCall,
  sizes: readonly number[],
  all: readonly Operand[],
  scalars: number[] = [],
): readonly DataArray[] {
  const operands = all.map(({ type, data, strides, offset = 0 }): LaunchOperand => {
    const buffer = backend.allocate(data.length * byteLengthOf(type));
    backend.write(buffer, toDeviceBytes(data, type));
    return { binding: { buffer }, byteOffset: 0, strides, offset };
  });
  const executable = backend.anchor(call)!;
  backend.submit([{ executable, sizes, operands, scalars, stage: 0, label: call.op }]);
  const held = operands.map((o, i) => fromDeviceBytes(all[i]!.type, backend.readSync(o.binding!.buffer!)));
  for (const o of operands) backend.release(o.binding!.buffer!);
  expect(backend.memory().liveBytes).toBe(0);
  return held;
}

/** The same, giving what the last operand holds. */
const run = (...args: Parameters<typeof runAll>): DataArray => runAll(...args).at(-1)!;

const random = seededNumbers(7);
function numbers(type: DType, length: number): DataArray {
  const data = makeData(type, length);
  for (let i = 0; i < length; i++) {
    data[i] = isFloat(type) ? random() * 2 - 1 : type === "bool" ? Math.round(random()) : random() * 20 - 10;
  }
  return data;
}
const int32 = (...values: number[]): Operand => ({ type: "int32", data: Int32Array.from(values), strides: [] });

describe.each(backends.map((backend) => ({ backend, threads: backend.threads })))(
  "matmul on $threads threads",
  ({ backend }) => {
    const products = [
      { batch: [], m: 5, n: 7, k: 3 },
      { batch: [2], m: 17, n: 33, k: 9 },
      { batch: [3, 2], m: 4, n: 8, k: 16 },
      { batch: [2, 3, 2], m: 3, n: 2, k: 5 },
      { batch: [1, 4], m: 1, n: 40, k: 31 },
      { batch: [], m: 20, n: 1, k: 6 },
      { batch: [2], m: 3, n: 4, k: 0 },
    ];
    const layouts = ["plain", "a transposed", "b transposed", "c transposed", "c with gaps", "heads"] as const;
    const types = ["float32", "float64"] as const;
    const table = products.flatMap((p) => layouts.flatMap((layout) => types.map((type) => ({ ...p, layout, type }))));

    it.each(table)("$type $batch × [$m, $k]·[$k, $n], $layout", ({ batch, m, n, k, layout, type }) => {
      const axes = batch.length;
      const sizes = [...batch, m, n, k];
      const lay = (rows: number, columns: number, turned: boolean, gap = 1): number[] => {
        const shape = turned ? [...batch, columns, rows] : [...batch, rows, columns];
        const own = contiguousStrides(shape).map((x) => x * gap);
        // The last batch axis inside the rows, as attention has its heads.
        if (layout === "heads" && axes > 0) {
          const heads = batch.at(-1)!;
          own[axes - 1] = columns;
          own[axes] = heads * columns;
        }
        return turned ? [...own.slice(0, axes), own[axes + 1]!, own[axes]!] : own;
      };
      const gap = layout === "c with gaps" ? 2 : 1;
      const [a, b, c] = [
        lay(m, k, layout === "a transposed"),
        lay(k, n, layout === "b transposed"),
        lay(m, n, layout === "c transposed", gap),
      ];
      const split = (own: number[], at: number, first: boolean): number[] => [
        ...own.slice(0, axes),
        ...(first
          ? [own[axes]!, 0, own[axes + 1]!]
          : at === 1
            ? [0, own[axes + 1]!, own[axes]!]
            : [own[axes]!, own[axes + 1]!, 0]),
      ];
      const total = sizeOf(batch);
      const operands: Operand[] = [
        { type, data: numbers(type, total * m * k + 2), strides: split(a, 0, true), offset: 1 },
        { type, data: numbers(type, total * k * n), strides: split(b, 1, false) },
        { type, data: numbers(type, total * m * n * gap + 3), strides: split(c, 2, false), offset: 2 },
      ];
      const call: AnchorCall = { op: "matmul", attributes: { type }, rank: sizes.length };
      const actual = run(backend, call, sizes, operands);
      const [x, y] = operands.map((o) => o.data) as [DataArray, DataArray];
      const expected = operands[2]!.data.slice();
      const at = (o: Operand, index: readonly number[]) =>
        index.reduce((sum, i, axis) => sum + i * o.strides[axis]!, o.offset ?? 0);
      for (let i = 0; i < total * m * n; i++) {
        const shape = [...batch, m, n];
        const index = contiguousStrides(shape).map((step, axis) => Math.floor(i / step) % shape[axis]!);
        let sum = 0;
        for (let z = 0; z < k; z++) sum += x[at(operands[0]!, [...index, z])]! * y[at(operands[1]!, [...index, z])]!;
        expected[at(operands[2]!, [...index, 0])] = sum;
      }
      const limit = type === "float32" ? 1e-5 : 1e-13;
      actual.forEach((v, i) => expect(Math.abs(v - expected[i]!), `element ${i}`).toBeLessThanOrEqual(limit));
    });

    it("runs the map that follows, over its own operands and numbers, in and out of place", () => {
      const [batch, m, n, k] = [2, 9, 21, 13];
      const result = [m * n, n, 1];
      for (const outputType of ["float32", "int32"] as const) {
        const y = s.add(s.mul(input(0, "float32", "full"), scalar(0, "float32")), input(1, "float32", "full"));
        const program = makeProgram({
          inputs: [0, 1].map(() => ({ kind: "buffer", type: "float32", role: "full" })),
          scalars: ["float32"],
          reduces: [],
          outputs: [{ expr: s.cast(s.max(y, 0), outputType), role: "full" }],
        });
        const epilogue: Kernel = kernelOf(program, { sizes: [batch, m, n], strides: [result, [0, 0, 1], result] });
        const call: AnchorCall = { op: "matmul", attributes: { type: "float32" }, rank: 4, epilogue };
        const [a, b, bias] = [batch * m * k, k * n, n].map((length) => numbers("float32", length)) as [
          DataArray,
          DataArray,
          DataArray,
        ];
        const operands: Operand[] = [
          { type: "float32", data: a, strides: [m * k, k, 0, 1] },
          { type: "float32", data: b, strides: [0, 0, 1, n] },
          { type: "float32", data: bias, strides: [0, 0, 1] },
          { type: outputType, data: numbers(outputType, batch * m * n), strides: result },
        ];
        const actual = run(backend, call, [batch, m, n, k], operands, [10]);
        actual.forEach((v, i) => {
          const [row, column] = [Math.floor(i / n), i % n];
          let sum = 0;
          for (let z = 0; z < k; z++) sum += a[row * k + z]! * b[z * n + column]!;
          const e = Math.max(0, sum * 10 + bias[column]!);
          expect(Math.abs(v - (outputType === "int32" ? Math.trunc(e) : e))).toBeLessThan(1e-4);
        });
      }
    });
  },
);

describe.each(backends.map((backend) => ({ backend, threads: backend.threads })))(
  "rows on $threads threads",
  ({ backend }) => {
    it.each(["float32", "float64", "int32", "bool"] as const)(
      "gather %s gives rows by id, zeros for bad ids, and the first fault",
      async (type) => {
        const data = numbers(type, 6 * 37);
        for (const [rowStep, columnStep] of [
          [37, 1],
          [1, 6],
        ] as const) {
          const ids = [5, 0, 6, 3, 3, -1, 2];
          const call: AnchorCall = { op: "gather", attributes: { type }, rank: 3 };
          const actual = run(
            backend,
            call,
            [7, 37, 6],
            [
              { type, data, strides: [0, columnStep, rowStep] },
              { ...int32(...ids), strides: [1, 0, 0] },
              { type, data: numbers(type, 7 * 37), strides: [37, 1, 0] },
            ],
          );
          ids.forEach((id, row) => {
            for (let w = 0; w < 37; w++) {
              const expected = id >= 0 && id < 6 ? data[id * rowStep + w * columnStep]! : 0;
              expect(actual[row * 37 + w], `row ${row}, column ${w}`).toBe(expected);
            }
          });
          expect(await backend.checkErrors()).toEqual([
            {
              label: "gather",
              code: "index",
              message: "gather: id is out of range, got 6, expected an integer from 0 to 5",
            },
          ]);
          expect(await backend.checkErrors()).toEqual([]);
        }
      },
    );

    it.each(["float32", "float64"] as const)(
      "scatterAdd %s adds rows in order and leaves out bad ids",
      async (type) => {
        const [table, width, rows] = [5, 67, 40];
        const ids = Array.from({ length: rows }, (_, i) => (i === 17 ? 5 : i === 30 ? -3 : Math.floor(random() * 4)));
        for (const dense of [true, false]) {
          const data = numbers(type, rows * width);
          const steps = dense ? [width, 1] : [1, rows];
          const call: AnchorCall = { op: "scatterAdd", attributes: { type }, rank: 3 };
          const actual = run(
            backend,
            call,
            [table, width, rows],
            [
              { type, data, strides: [0, steps[1]!, steps[0]!] },
              { ...int32(...ids), strides: [0, 0, 1] },
              { type, data: numbers(type, table * width), strides: dense ? [width, 1, 0] : [1, table, 0] },
            ],
          );
          const round = type === "float32" ? Math.fround : (x: number) => x;
          for (let t = 0; t < table; t++) {
            for (let w = 0; w < width; w++) {
              let sum = 0;
              ids.forEach((id, row) => {
                if (id === t) sum = round(sum + data[row * steps[0]! + w * steps[1]!]!);
              });
              expect(actual[dense ? t * width + w : w * table + t]).toBe(sum);
            }
          }
          const [error] = await backend.checkErrors();
          expect(error?.message).toBe("scatterAdd: id is out of range, got 5, expected an integer from 0 to 4");
        }
      },
    );

    it.each(["float32", "float64", "int32", "uint32", "bool"] as const)(
      "sort %s is stable, with NaN the largest",
      (type) => {
        const sizes = [3, 2, 300];
        for (const descending of [false, true]) {
          const data = numbers(type, 1800);
          if (isFloat(type)) {
            const special = [
              Number.NaN,
              Number.POSITIVE_INFINITY,
              Number.NEGATIVE_INFINITY,
              0,
              -0,
              0.5,
              -0.5,
              1e30,
              -1e30,
            ];
            for (let i = 0; i < 900; i++) data[i * 2] = special[i % special.length]!;
          }
          const call: AnchorCall = { op: "sort", attributes: { type, descending }, rank: 3 };
          const values = { type, data: numbers(type, 1800), strides: [600, 300, 1] };
          const positions: Operand = { type: "int32", data: new Int32Array(1800), strides: [300, 900, 1] };
          const source = { type, data, strides: [1, 900, 3] };
          const [, sorted, places] = runAll(backend, call, sizes, [source, values, positions]);
          const rank = (x: number) => (Number.isNaN(x) ? Number.POSITIVE_INFINITY : x);
          const compare = (a: number, b: number) =>
            Number(Number.isNaN(a)) - Number(Number.isNaN(b)) || Math.sign(rank(a) - rank(b)) || 0;
          for (let row = 0; row < 6; row++) {
            const [i, j] = [row >> 1, row & 1];
            const at = (k: number) => data[i + j * 900 + k * 3]!;
            const order = Array.from({ length: 300 }, (_, k) => k);
            order.sort((a, b) => (descending ? -1 : 1) * compare(at(a), at(b)) || a - b);
            expect([...places!.subarray(i * 300 + j * 900, i * 300 + j * 900 + 300)]).toEqual(order);
            expect([...sorted!.subarray(i * 600 + j * 300, i * 600 + j * 300 + 300)]).toEqual(order.map(at));
          }
        }
      },
    );

    it.each(["float32", "float64", "int32", "uint32"] as const)("scan %s sums both ways", (type) => {
      const sizes = [3, 4, 19];
      for (const reverse of [false, true]) {
        const data = numbers(type, 3 * 4 * 19);
        const call: AnchorCall = { op: "scan", attributes: { type, reverse }, rank: 3 };
        const actual = run(backend, call, sizes, [
          { type, data, strides: [1, 3, 12] },
          { type, data: numbers(type, 3 * 4 * 19), strides: [76, 19, 1] },
        ]);
        for (let row = 0; row < 12; row++) {
          let sum = 0;
          for (let i = 0; i < 19; i++) {
            const at = reverse ? 18 - i : i;
            sum += data[Math.floor(row / 4) + (row % 4) * 3 + at * 12]!;
            const wrapped = type === "int32" ? sum | 0 : type === "uint32" ? sum >>> 0 : sum;
            expect(Math.abs(actual[row * 19 + at]! - wrapped)).toBeLessThan(1e-5);
          }
        }
      }
    });
  },
);
