// Launches of one stage and one kernel as one grid: the same bits as one by one, and as few grids as arguments allow.

import { Device, fromTypedArray, type Tensor } from "@torchium/tensor";
import {
  type BufferHandle,
  input,
  kernelOf,
  type Launch,
  makeProgram,
  RowBuilder,
  scalarAlgebra as s,
  scalar,
} from "@torchium/tensor/backend";
import { afterEach, expect, it } from "vitest";
import { AdamW, clipGradNorm } from "../../../optim/src/index.js";
import type { CudaBackend } from "../backend.js";
import { describeOnEmulator } from "../testing/describe-on-emulator.js";

const x = input(0, "float32", "full");
const inputs = [{ kind: "buffer", type: "float32", role: "full" }] as const;
const map = makeProgram({
  inputs,
  scalars: ["float32"],
  reduces: [],
  outputs: [{ expr: s.mul(x, scalar(0, "float32")), role: "full" }],
});
const row = new RowBuilder();
const sums = makeProgram({
  inputs,
  scalars: ["float32"],
  reduces: row.reduces,
  outputs: [{ expr: s.mul(row.sum(s.square(x)), scalar(0, "float32")), role: "row" }],
});

type Part = {
  readonly length: number;
  readonly from: BufferHandle;
  readonly to: BufferHandle;
  readonly launch: Launch;
};

/** One launch over each of some arrays of different lengths. */
function makeParts(backend: CudaBackend, kind: "map" | "sum", lengths: readonly number[], stage = 0): Part[] {
  const executable = backend.compile(
    kind === "map"
      ? kernelOf(map, { sizes: [8], strides: [[1], [1]] })
      : kernelOf(sums, {
          sizes: [1, 8],
          strides: [
            [8, 1],
            [1, 0],
          ],
        }),
  );
  return lengths.map((length, k) => {
    const from = backend.allocate(4 * length);
    const to = backend.allocate(4 * (kind === "map" ? length : 1));
    backend.write(from, new Uint8Array(Float32Array.from({ length }, (_, i) => Math.sin(i + 7 * k)).buffer));
    const strides =
      kind === "map"
        ? [[1], [1]]
        : [
            [length, 1],
            [1, 0],
          ];
    const operands = [from, to].map((buffer, i) => ({
      binding: { buffer },
      byteOffset: 0,
      strides: strides[i]!,
      offset: 0,
    }));
    const sizes = kind === "map" ? [length] : [1, length];
    const launch: Launch = { executable, sizes, operands, scalars: [k + 0.5], stage, label: `part ${k}` };
    return { length, from, to, launch };
  });
}

describeOnEmulator("a batch of launches", (emulator) => {
  const open: CudaBackend[] = [];
  const make = async (): Promise<CudaBackend> => {
    const backend = await emulator.backend({ memoryLimit: 2 ** 26 });
    open.push(backend);
    return backend;
  };
  afterEach(() => {
    for (const backend of open.splice(0)) backend.dispose();
  });
  const gridsOf = async (backend: CudaBackend, launches: readonly Launch[]): Promise<number> => {
    await backend.finish();
    const before = emulator.get("grids");
    backend.submit(launches);
    await backend.finish();
    return emulator.get("grids") - before;
  };
  const resultsOf = (backend: CudaBackend, parts: readonly Part[]) =>
    Promise.all(parts.map(async ({ to }) => Buffer.from(await backend.read(to))));
  const clear = (backend: CudaBackend, parts: readonly Part[]): void => {
    for (const { to } of parts) backend.write(to, new Uint8Array(to.byteLength));
  };

  it.each([
    ["map", 3, 3],
    ["map", 4, 1],
    ["map", 16, 1],
    ["map", 17, 1],
    ["map", 65, 1],
    ["sum", 20, 1],
  ] as const)("of a %s over %i arrays gives the bits of each alone, in %i grids", async (kind, count, grids) => {
    const backend = await make();
    // Blocks of one element to several, whole and with a rest. Rows keep to as many threads: other rows are other grids.
    const lengths = Array.from({ length: count }, (_, k) => (kind === "map" ? 1 + ((k * 977) % 3100) : 2048 + 4 * k));
    const parts = makeParts(backend, kind, lengths);
    for (const { launch } of parts) backend.submit([launch]);
    const alone = await resultsOf(backend, parts);
    clear(backend, parts);
    expect(
      await gridsOf(
        backend,
        parts.map(({ launch }) => launch),
      ),
    ).toBe(grids);
    expect(await resultsOf(backend, parts)).toEqual(alone);
  });

  it("takes what launches bind and their scalars anew each time, in a graph too", async () => {
    const backend = await make();
    const parts = makeParts(backend, "map", [5, 1024, 3000, 8, 100]);
    const launches = parts.map(({ launch }) => launch);
    const executable = backend.capture(launches);
    const replay: Launch = { executable, sizes: [], operands: [], scalars: [], stage: 0, label: "replay" };
    for (let i = 0; i < 6; i++) {
      const { launch, to, length } = parts[i % parts.length]!;
      launch.scalars[0] = i - 2.5;
      launch.operands[0]!.binding!.buffer = parts[2]!.from;
      expect(await gridsOf(backend, i % 2 ? launches : [replay])).toBe(1);
      const got = new Float32Array((await backend.read(to)).buffer);
      const expected = Float32Array.from({ length }, (_, k) => Math.fround(Math.sin(k + 14)) * (i - 2.5));
      got.forEach((value, k) => {
        expect(value).toBe(expected[k]);
      });
    }
  });

  it("leaves launches of other stages, kernels and block sizes apart", async () => {
    const backend = await make();
    const maps = [0, 1].flatMap((stage) => makeParts(backend, "map", [9, 10, 11, 12], stage));
    const [first, second] = [maps.slice(0, 4), maps.slice(4)].map((parts) => parts.map(({ launch }) => launch));
    const rows = makeParts(backend, "sum", [4, 8, 4096, 8192, 4, 4, 4, 4096, 4096]).map(({ launch }) => launch);
    expect(await gridsOf(backend, [...first!, ...second!])).toBe(2);
    expect(await gridsOf(backend, [...first!, ...rows])).toBe(3);
  });

  it("is as many grids as arguments need on a driver that takes few of them", async () => {
    const lengths = Array.from({ length: 150 }, (_, k) => 1 + k);
    const grids: number[] = [];
    for (const version of [12_000, 12_010, 13_000]) {
      await emulator.with({ driver: version, nvrtc: version }, async () => {
        const backend = await make();
        const parts = makeParts(backend, "map", lengths);
        grids.push(
          await gridsOf(
            backend,
            parts.map(({ launch }) => launch),
          ),
        );
        for (const [k, { to, length }] of parts.entries())
          expect(new Float32Array((await backend.read(to)).buffer)[length - 1]).toBe(
            Math.fround(Math.fround(Math.sin(length - 1 + 7 * k)) * (k + 0.5)),
          );
      });
    }
    expect(grids).toEqual([2, 1, 1]);
  });

  it.each([
    ["the block behind a launch's last", "<= (int)blockIdx.x", "< (int)blockIdx.x"],
    ["a block of the launch before", "blockIdx.x - B.starts[mine]", "blockIdx.x"],
  ])("would be noticed with %s", async (_, from, to) => {
    emulator.mutate(from, to);
    const backend = await emulator.backend({ memoryLimit: 2 ** 26, cacheDirectory: null });
    open.push(backend);
    const parts = makeParts(backend, "map", [1500, 900, 2000, 1200]);
    for (const { launch } of parts) backend.submit([launch]);
    const alone = await resultsOf(backend, parts);
    clear(backend, parts);
    backend.submit(parts.map(({ launch }) => launch));
    emulator.mutate("", "");
    await expect(async () => expect(await resultsOf(backend, parts)).toEqual(alone)).rejects.toThrow();
  });
});

describeOnEmulator("an optimizer's step", (emulator) => {
  it("over many parameters, clipped, is three grids", async () => {
    const run = async (synchronous: boolean) => {
      const backend = await emulator.backend({ memoryLimit: 2 ** 26, synchronous });
      const device = new Device(backend);
      const parameters = Array.from({ length: 40 }, (_, k): Tensor => {
        const length = 1025 + 4 * k;
        const p = fromTypedArray(
          Float32Array.from({ length }, (_, i) => Math.cos(i * k)),
          [length],
          { device },
        );
        p.requiresGrad = true;
        return p;
      });
      const optimizer = new AdamW(parameters, { lr: 0.1 });
      const grids: number[] = [];
      for (let step = 0; step < 3; step++) {
        for (const [k, p] of parameters.entries())
          p.grad = fromTypedArray(
            Float32Array.from({ length: p.shape[0]! }, (_, i) => Math.sin(i + k + step)),
            p.shape,
            { device },
          );
        clipGradNorm(parameters, 1);
        const before = emulator.get("grids");
        optimizer.step();
        await backend.finish();
        grids.push(emulator.get("grids") - before);
      }
      const values = await Promise.all(parameters.map((p) => p.data()));
      device.dispose();
      return { grids, values };
    };
    const [batches, alone] = [await run(false), await run(true)];
    expect(batches.values).toEqual(alone.values);
    // The norms, what they add up to, the updates.
    expect([alone.grids[2], batches.grids[2]]).toEqual([40 + 1 + 40, 3]);
  });
});
