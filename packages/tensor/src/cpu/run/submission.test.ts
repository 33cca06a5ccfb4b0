import { afterAll, describe, expect, it } from "vitest";
import type { Launch, LaunchOperand } from "../../backend/backend.js";
import { kernelOf } from "../../backend/kernel-geometry.js";
import { input, scalar } from "../../kernel/expr.js";
import { makeProgram, RowBuilder } from "../../kernel/program.js";
import * as s from "../../kernel/scalar.js";
import { seededNumbers } from "../../reference/random-order.js";
import { createCpuBackend } from "../backend.js";

const backends = await Promise.all([
  createCpuBackend({ threads: 1 }),
  createCpuBackend({ threads: 2, parallelNanoseconds: 0 }),
  createCpuBackend({ threads: 3, parallelNanoseconds: 400 }),
]);
afterAll(() => {
  for (const backend of backends) backend.dispose();
});

// y = 3 · (x reversed) + scalar, on uint32: wraps, so that every order of stages gives other bits.
const mix = makeProgram({
  inputs: [{ kind: "buffer", type: "uint32", role: "full" }],
  scalars: ["uint32"],
  reduces: [],
  outputs: [{ expr: s.add(s.mul(input(0, "uint32", "full"), 3), scalar(0, "uint32")), role: "full" }],
});

describe.each(backends.map((backend) => ({ backend, threads: backend.threads })))(
  "launches on $threads threads",
  ({ backend }) => {
    it("see all of the stages before them, at the first run and at replays with other buffers and numbers", () => {
      const random = seededNumbers(backend.threads);
      const lengths = Array.from({ length: 30 }, () => (random() < 0.5 ? 3 : 2000) + Math.floor(random() * 50));
      const most = 2100;
      const chains = [0, 2, 4, 6, 8, 10];
      const buffers = chains.flatMap(() => [0, 1].map(() => backend.allocate(most * 4)));
      const operand = (k: number, forwards: boolean, length: number): LaunchOperand => ({
        binding: { buffer: buffers[k]! },
        byteOffset: 0,
        strides: [forwards ? 1 : -1],
        offset: forwards ? 0 : length - 1,
      });
      // Independent chains; each stage has one launch of each.
      const launches = lengths.flatMap((length, stage) =>
        chains.map((chain): Launch => {
          const [from, to] = stage % 2 === 0 ? [chain, chain + 1] : [chain + 1, chain];
          const executable = backend.compile(kernelOf(mix, { sizes: [length], strides: [[-1], [1]] }));
          const operands = [operand(from, false, length), operand(to, true, length)];
          return { executable, sizes: [length], operands, scalars: [stage + chain], stage, label: "mix" };
        }),
      );
      for (let replay = 0; replay < 5; replay++) {
        const expected = buffers.map((buffer, k) => {
          const data = Uint32Array.from({ length: most }, (_, i) => i * 7919 + k + replay);
          backend.write(buffer, new Uint8Array(data.buffer));
          return data;
        });
        for (const { operands, sizes, scalars } of launches) {
          const [x, y] = operands.map((o) => expected[buffers.indexOf(o.binding!.buffer as (typeof buffers)[0])]!);
          const length = sizes[0]!;
          y!.set(Uint32Array.from({ length }, (_, i) => Math.imul(x![length - 1 - i]!, 3) + scalars[0]!));
        }
        backend.submit(launches);
        buffers.forEach((buffer, k) => {
          expect(new Uint32Array(backend.readSync(buffer).buffer), `buffer ${k}, replay ${replay}`).toEqual(
            expected[k],
          );
        });
        // Core replays the same launches with other buffers and numbers.
        for (const launch of launches) {
          launch.scalars[0]! += 11;
          for (const o of launch.operands)
            o.binding!.buffer =
              buffers[(buffers.indexOf(o.binding!.buffer as (typeof buffers)[0]) + 2) % buffers.length]!;
        }
      }
      for (const buffer of buffers) backend.release(buffer);
    });

    it("find their numbers in the type they are wanted", () => {
      const types = ["float32", "float64", "int32", "uint32", "bool"] as const;
      const values = [0.1, 0.1, -7, 4294967295, 1];
      const b = new RowBuilder();
      const program = makeProgram({
        inputs: [],
        scalars: types,
        reduces: b.reduces,
        outputs: types.map((type, i) => ({ expr: s.cast(scalar(i, type), "float64"), role: "full" })),
      });
      const space = { sizes: [1], strides: types.map(() => [0]) };
      const buffers = types.map(() => backend.allocate(8));
      const operands = buffers.map((buffer) => ({ binding: { buffer }, byteOffset: 0, strides: [0], offset: 0 }));
      const executable = backend.compile(kernelOf(program, space));
      backend.submit([{ executable, sizes: [1], operands, scalars: values, stage: 0, label: "numbers" }]);
      const read = buffers.map((buffer) => new Float64Array(backend.readSync(buffer).buffer)[0]);
      expect(read).toEqual([Math.fround(0.1), 0.1, -7, 4294967295, 1]);
    });
  },
);

it("small products of one stage go to different threads, each with its own space to pack in", async () => {
  // A single one is not worth sharing out, all of them together are.
  const backend = await createCpuBackend({ threads: 3, parallelNanoseconds: 100_000 });
  const [m, n, k] = [64, 96, 250];
  const executable = backend.anchor({ op: "matmul", attributes: { type: "float32" }, rank: 3 })!;
  const place = (data: Float32Array, strides: readonly number[]): LaunchOperand => {
    const buffer = backend.allocate(data.byteLength);
    backend.write(buffer, new Uint8Array(data.buffer));
    return { binding: { buffer }, byteOffset: 0, strides, offset: 0 };
  };
  const pairs = Array.from({ length: 12 }, (_, i) => ({
    a: Float32Array.from({ length: m * k }, (_, j) => (j % 11) - i),
    b: Float32Array.from({ length: k * n }, (_, j) => (j % 7) - i),
  }));
  const launches = pairs.map(({ a, b }): Launch => {
    const operands = [place(a, [1, 0, m]), place(b, [0, 1, n]), place(new Float32Array(m * n), [n, 1, 0])];
    return { executable, sizes: [m, n, k], operands, scalars: [], stage: 0, label: "matmul" };
  });
  const expected = pairs.map(({ a, b }) =>
    Float32Array.from({ length: m * n }, (_, at) => {
      const [row, column] = [Math.floor(at / n), at % n];
      let sum = 0;
      for (let z = 0; z < k; z++) sum += a[z * m + row]! * b[z * n + column]!;
      return sum;
    }),
  );
  for (let turn = 0; turn < 20; turn++) {
    backend.submit(launches);
    launches.forEach(({ operands }, i) => {
      expect(new Float32Array(backend.readSync(operands[2]!.binding!.buffer!).buffer)).toEqual(expected[i]);
    });
  }
  backend.dispose();
});

describe.each(backends.map((backend) => ({ backend, threads: backend.threads })))(
  "memory while launches run on $threads threads",
  ({ backend }) => {
    const length = 100_000;
    const data = Uint32Array.from({ length }, (_, i) => i * 7919);
    const bytes = new Uint8Array(data.buffer);
    const expected = data.map((_, i) => Math.imul(data[length - 1 - i]!, 3) + 5);
    const start = () => {
      const [from, to] = [backend.allocate(bytes.length), backend.allocate(bytes.length)];
      backend.write(from, bytes);
      const executable = backend.compile(kernelOf(mix, { sizes: [length], strides: [[-1], [1]] }));
      const operands = [
        { binding: { buffer: from }, byteOffset: 0, strides: [-1], offset: length - 1 },
        { binding: { buffer: to }, byteOffset: 0, strides: [1], offset: 0 },
      ];
      backend.submit([{ executable, sizes: [length], operands, scalars: [5], stage: 0, label: "mix" }]);
      const check = () => {
        const result = new Uint32Array(backend.readSync(to).buffer);
        expect(result.findIndex((x, i) => x !== expected[i])).toBe(-1);
        backend.release(to);
      };
      return { from, check };
    };

    it("is written after them", () => {
      for (let round = 0; round < 20; round++) {
        const { from, check } = start();
        backend.write(from, new Uint8Array(bytes.length));
        check();
        backend.release(from);
      }
    });

    it("goes to others after them, once it is released", () => {
      const { liveBytes } = backend.memory();
      for (let round = 0; round < 20; round++) {
        const { from, check } = start();
        backend.release(from);
        expect(() => backend.release(from)).toThrow(/released/);
        const next = [100, bytes.length, 5_000_000].map((size) => backend.allocate(size));
        for (const buffer of next) backend.write(buffer, new Uint8Array(buffer.byteLength).fill(round));
        check();
        for (const buffer of next) {
          expect(backend.readSync(buffer).every((x) => x === round)).toBe(true);
          backend.release(buffer);
        }
      }
      expect(backend.memory().liveBytes).toBe(liveBytes);
    });

    it("that runs out meanwhile is found where they leave it", async () => {
      const small = await createCpuBackend({ threads: backend.threads, parallelNanoseconds: 0, limitBytes: 2_000_000 });
      const executable = small.compile(kernelOf(mix, { sizes: [length], strides: [[1], [1]] }));
      for (let round = 0; round < 10; round++) {
        const operands = [0, 1].map(() => ({
          ...{ byteOffset: 0, strides: [1], offset: 0 },
          binding: { buffer: small.allocate(600_000) },
        }));
        small.submit([{ executable, sizes: [length], operands, scalars: [5], stage: 0, label: "mix" }]);
        for (const { binding } of operands) small.release(binding.buffer);
      }
      expect(() => small.allocate(2_000_000)).toThrow(/out of memory/);
      small.dispose();
    });
  },
);
