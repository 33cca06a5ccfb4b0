// Attention where numbers are not finite, and which kernels run on which GPU, alone and in a graph.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type AttentionAttributes,
  fromDeviceBytes,
  type HalfType,
  type Launch,
  type LaunchOperand,
  toDeviceBytes,
} from "@torchium/tensor/backend";
import { afterEach, describe, expect, it } from "vitest";
import type { CudaBackend } from "../../backend.js";
import type { CudaDeviceOptions } from "../../device.js";
import { describeOnEmulator } from "../../testing/describe-on-emulator.js";

type Type = "float32" | HalfType;
const [batch, length, width] = [2, 70, 16];
const each = length * width;
const count = batch * each;

describeOnEmulator("attention", (emulator) => {
  const open: CudaBackend[] = [];
  afterEach(() => {
    for (const backend of open.splice(0)) backend.dispose();
  });
  const make = async (options: CudaDeviceOptions = {}): Promise<CudaBackend> => {
    const backend = await emulator.backend({ memoryLimit: 2 ** 26, ...options });
    open.push(backend);
    return backend;
  };

  /** Launches of attention and of its gradient on queries, keys, values and the gradient of the output. */
  function prepare(backend: CudaBackend, attributes: AttentionAttributes, given: readonly Float32Array[]) {
    const { type } = attributes;
    const sizes = [batch, length, length, width, width];
    const matrix = (rowAxis: number, columnAxis: number, numbers?: Float32Array): LaunchOperand => {
      const bytes = toDeviceBytes(numbers ?? new Float32Array(count), type);
      const buffer = backend.allocate(bytes.byteLength);
      backend.write(buffer, bytes);
      const strides = [each, 0, 0, 0, 0];
      strides[rowAxis] = width;
      strides[columnAxis] = 1;
      return { binding: { buffer }, byteOffset: 0, strides, offset: 0 };
    };
    const [queries, keys, values] = [matrix(1, 3, given[0]), matrix(2, 3, given[1]), matrix(2, 4, given[2])];
    const [output, gradient] = [matrix(1, 4), matrix(1, 4, given[3])];
    const logs = {
      binding: { buffer: backend.allocate(4 * batch * length) },
      byteOffset: 0,
      strides: [length, 1, 0, 0, 0],
      offset: 0,
    };
    const results = [matrix(1, 3), matrix(2, 3), matrix(2, 4)];
    const inputs = [queries, keys, values];
    const common = { sizes, scalars: [] };
    const call = { attributes, rank: sizes.length };
    const launches: Launch[] = [
      {
        ...common,
        executable: backend.anchor({ op: "attention", ...call })!,
        operands: [...inputs, output, logs],
        stage: 0,
        label: "attention",
      },
      {
        ...common,
        executable: backend.anchor({ op: "attentionGradient", ...call })!,
        operands: [...inputs, output, logs, gradient, ...results],
        stage: 1,
        label: "attentionGradient",
      },
    ];
    const read = () =>
      Promise.all(
        [output, ...results].map(
          async ({ binding }) => [...fromDeviceBytes(type, await backend.read(binding!.buffer!))] as number[],
        ),
      );
    return { launches, read };
  }

  const numbersOf = (seed: number): Float32Array =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + seed));
  const given = (): Float32Array[] => [1, 2, 3, 4].map(numbersOf);
  const attributesOf = (type: Type, causal: boolean): AttentionAttributes => ({ type, causal, scale: 0.25 });

  describe.each<Type>(["float32", "bfloat16", "float16"])("of %s", (type) => {
    // A weight of 0 may still carry NaN to queries that do not see it, as in PyTorch; nothing else may.
    it.each([Number.NaN, Number.POSITIVE_INFINITY])(
      "a value of %s reaches all queries that see it, in its column",
      async (bad) => {
        const backend = await make();
        const inputs = given();
        const at = 33;
        inputs[2]![at * width + 5] = bad;
        const { launches, read } = prepare(backend, attributesOf(type, true), inputs);
        backend.submit(launches.slice(0, 1));
        const [output] = await read();
        for (let i = at; i < length; i++) expect(output![i * width + 5], `query ${i}`).toBe(bad);
        output!.forEach((value, i) => {
          if (i >= each || i % width !== 5) expect(Number.isFinite(value), `element ${i}`).toBe(true);
        });
      },
    );

    it("a query of NaN gives NaN, alone, and to the gradients of all keys and values that it sees", async () => {
      const backend = await make();
      const inputs = given();
      const at = 40;
      inputs[0]![at * width + 3] = Number.NaN;
      const { launches, read } = prepare(backend, attributesOf(type, true), inputs);
      backend.submit(launches);
      const [output, ofQueries, ofKeys, ofValues] = await read();
      const bad = (numbers: readonly number[]): number[] =>
        Array.from({ length: batch * length }, (_, i) => i).filter((i) =>
          numbers.slice(i * width, (i + 1) * width).some(Number.isNaN),
        );
      expect(bad(output!)).toEqual([at]);
      expect(bad(ofQueries!)).toEqual([at]);
      for (const gradient of [ofKeys!, ofValues!]) {
        expect(bad(gradient)).toEqual(expect.arrayContaining(Array.from({ length: at + 1 }, (_, i) => i)));
        expect(Math.max(...bad(gradient))).toBeLessThan(length);
      }
    });

    it("in a graph gives the bits of plain launches", async () => {
      const backend = await make();
      const { launches, read } = prepare(backend, attributesOf(type, true), given());
      backend.submit(launches);
      const plain = await read();
      const replay: Launch = {
        executable: backend.capture(launches),
        sizes: [],
        operands: [],
        scalars: [],
        stage: 0,
        label: "a compiled function",
      };
      for (let i = 0; i < 3; i++) backend.submit([replay]);
      expect(await read()).toEqual(plain);
      expect(backend.graphs).toMatchObject({ built: 1, refused: undefined });
    });
  });

  it.each<[Type, number, number, "tensor cores" | "tiles"]>([
    ["bfloat16", 7, 5, "tiles"],
    ["float16", 7, 5, "tiles"],
    ["bfloat16", 8, 0, "tensor cores"],
    ["float16", 8, 6, "tensor cores"],
    ["bfloat16", 9, 0, "tensor cores"],
    ["float32", 9, 0, "tiles"],
  ])("of %s on compute capability %i.%i runs on %s", async (type, major, minor, expected) => {
    const folder = mkdtempSync(join(tmpdir(), "torchium-attention-"));
    await emulator.with({ major, minor }, async () => {
      const backend = await make({ cacheDirectory: null });
      emulator.keepSources(folder);
      backend.submit(prepare(backend, attributesOf(type, false), given()).launches);
      await backend.finish();
      emulator.keepSources("");
      const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
      rmSync(folder, { recursive: true });
      const passes = texts.filter((text) => text.includes(" attention_kernel("));
      expect(passes.length).toBeGreaterThanOrEqual(3);
      // Neither the tensor cores' products nor the copies that do not wait are there before 8.0.
      const cores = passes.filter((text) => text.includes("wait_copies"));
      expect(cores.length).toBe(expected === "tensor cores" ? passes.length : 0);
    });
  });
});
