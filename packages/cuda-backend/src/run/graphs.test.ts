// Recorded steps as CUDA graphs: what a replay computes, how few calls it makes, and what happens where a graph cannot be.

import { autocast, compile, Device, fromTypedArray, manualSeed, type Tensor, type TensorError } from "@torchium/tensor";
import {
  type Backend,
  input,
  kernelOf,
  type Launch,
  makeProgram,
  RowBuilder,
  scalarAlgebra as s,
  scalar,
} from "@torchium/tensor/backend";
import { functional as F } from "@torchium/tensor/nn";
import { afterEach, expect, it } from "vitest";
import { GPTModel } from "../../../nlp-models/src/index.js";
import { AdamW, clipGradNorm } from "../../../optim/src/index.js";
import type { CudaBackend } from "../backend.js";
import { describeOnEmulator } from "../testing/describe-on-emulator.js";

const [rows, width] = [48, 64];
const x = input(0, "float32", "full");
const row = new RowBuilder();
const buffer = { kind: "buffer", type: "float32" } as const;
/** y = x·s + row sum of x, and Σ over the rows of x: a row program that needs scratch memory for the second. */
const program = makeProgram({
  inputs: [{ ...buffer, role: "full" }],
  scalars: ["float32"],
  reduces: row.reduces,
  outputs: [
    { expr: s.add(s.mul(x, scalar(0, "float32")), row.sum(x)), role: "full" },
    { expr: x, role: "lane" },
  ],
});

/** Launches that use every kind of node: y and column sums of x, then y · yᵀ, which cuBLASLt multiplies. */
function makeWork(backend: Backend) {
  const strides = [
    [width, 1],
    [width, 1],
    [0, 1],
  ];
  const kernel = backend.compile(kernelOf(program, { sizes: [rows, width], strides }));
  const product = backend.anchor({ op: "matmul", attributes: { type: "float32" }, rank: 3 })!;
  const make = (numbers: number) => backend.allocate(4 * numbers);
  const [from, y, sums, out] = [make(rows * width), make(rows * width), make(width), make(rows * rows)];
  const operand = (b: typeof from, ...strides: number[]) => ({
    binding: { buffer: b },
    byteOffset: 0,
    strides,
    offset: 0,
  });
  const launches: Launch[] = [
    {
      executable: kernel,
      sizes: [rows, width],
      operands: [operand(from, width, 1), operand(y, width, 1), operand(sums, 0, 1)],
      scalars: [2],
      stage: 0,
      label: "rows",
    },
    {
      executable: product,
      sizes: [rows, rows, width],
      operands: [operand(y, width, 0, 1), operand(y, 0, width, 1), operand(out, rows, 1, 0)],
      scalars: [],
      stage: 1,
      label: "product",
    },
  ];
  const fill = (seed: number): void => {
    const numbers = Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i * 0.7 + seed));
    backend.write(from, new Uint8Array(numbers.buffer));
  };
  const read = async (): Promise<Buffer> =>
    Buffer.concat([await backend.read(launches[0]!.operands[2]!.binding!.buffer!), await backend.read(out)]);
  return { launches, fill, read, make };
}

const replayOf = (backend: CudaBackend, launches: readonly Launch[]): Launch => ({
  executable: backend.capture(launches),
  sizes: [],
  operands: [],
  scalars: [],
  stage: 0,
  label: "a compiled function",
});

const failureOf = (promise: Promise<unknown>): Promise<TensorError> =>
  promise.then(
    () => expect.unreachable("it did not fail"),
    (error: TensorError) => error,
  );

describeOnEmulator("a recording", (emulator) => {
  const open: CudaBackend[] = [];
  const make = async (...args: Parameters<typeof emulator.backend>): Promise<CudaBackend> => {
    const backend = await emulator.backend({ memoryLimit: 2 ** 26, ...args[0] }, args[1]);
    open.push(backend);
    return backend;
  };
  afterEach(() => {
    for (const backend of open.splice(0)) backend.dispose();
    expect(emulator.get("live_graphs")).toBe(0);
  });
  const callsOf = (body: () => void): number => {
    const before = emulator.get("calls");
    body();
    return emulator.get("calls") - before;
  };

  it("is one call when nothing changed, and one more for each node that did", async () => {
    const backend = await make();
    const { launches, fill, read } = makeWork(backend);
    const replay = replayOf(backend, launches);
    const runs = async (seed: number): Promise<number> => {
      fill(seed);
      const calls = callsOf(() => backend.submit([replay]));
      const got = await read();
      backend.submit(launches);
      expect(got.equals(await read()), `seed ${seed}`).toBe(true);
      return calls;
    };
    await runs(1);
    await runs(2);
    expect(await runs(3)).toBe(1);
    launches[0]!.scalars[0] = 0.3;
    expect(await runs(4)).toBe(2);
    expect(await runs(5)).toBe(1);
    expect(backend.graphs).toEqual({ built: 1, launched: 4, updated: 1, refused: undefined });
  });

  it("follows its buffers: those of kernels, of libraries and of what passes between two kernels", async () => {
    const backend = await make();
    const { launches, fill, read, make: allocate } = makeWork(backend);
    const replay = replayOf(backend, launches);
    for (let i = 0; i < 8; i++) {
      // Others hold what was free a moment ago, so that scratch memory comes to lie elsewhere.
      const held = i % 3 === 2 ? backend.allocate(4 * 16 * width * 3) : undefined;
      if (i % 2 === 1) {
        const y = allocate(rows * width);
        launches[0]!.operands[1]!.binding!.buffer = y;
        for (const operand of launches[1]!.operands.slice(0, 2)) operand.binding!.buffer = y;
      }
      fill(i);
      backend.submit([replay]);
      const got = await read();
      backend.submit(launches);
      expect(got.equals(await read()), `run ${i}`).toBe(true);
      if (held) backend.release(held);
    }
    expect(backend.graphs).toMatchObject({ built: 1, launched: 7, refused: undefined });
    expect(backend.graphs.updated).toBeGreaterThan(3);
  });

  it("stays plain, and says why, where the driver makes no graphs and where every launch is waited for", async () => {
    await emulator.with({ graphs: 0 }, async () => {
      const backend = await make();
      const { launches, fill, read } = makeWork(backend);
      const replay = replayOf(backend, launches);
      for (let i = 0; i < 4; i++) {
        fill(i);
        backend.submit([replay]);
        const got = await read();
        backend.submit(launches);
        expect(got.equals(await read())).toBe(true);
      }
      expect(backend.graphs).toMatchObject({ built: 0, launched: 0 });
      expect(backend.graphs.refused).toMatch(/make a graph of 3 launches, rows to product ready to run/);
    });
    const waiting = await make({ synchronous: true });
    const { launches, fill } = makeWork(waiting);
    const replay = replayOf(waiting, launches);
    fill(0);
    for (let i = 0; i < 3; i++) waiting.submit([replay]);
    expect(waiting.graphs).toMatchObject({ launched: 0, refused: "every launch is waited for" });
    emulator.set("fail_launch", 719);
    const error = await failureOf((async () => waiting.submit([replay]))());
    expect(error.message).toContain("run rows");
    waiting.dispose();
    emulator.set("revive", 1);
  });

  it("loses the device as plain launches do, with what names the kernel", async () => {
    const backend = await make();
    const { launches, fill } = makeWork(backend);
    const replay = replayOf(backend, launches);
    fill(0);
    for (let i = 0; i < 3; i++) backend.submit([replay]);
    await backend.finish();
    emulator.set("fail_launch", 700);
    backend.submit([replay]);
    const error = await failureOf(backend.finish());
    expect(error).toMatchObject({ code: "device-lost", message: expect.stringContaining("TORCHIUM_CUDA_SYNC=1") });
    expect(await backend.lost).toBe(error);
    expect(await failureOf((async () => backend.submit([replay]))())).toBe(error);
    backend.dispose();
    emulator.set("revive", 1);
  });

  it("names the launch whose id is outside its table", async () => {
    const backend = await make();
    const gather = backend.anchor({ op: "gather", attributes: { type: "float32" }, rank: 3 })!;
    const [table, ids, out] = [backend.allocate(4 * 20), backend.allocate(4 * 2), backend.allocate(4 * 8)];
    const operand = (b: typeof table, ...strides: number[]) => ({
      binding: { buffer: b },
      byteOffset: 0,
      strides,
      offset: 0,
    });
    const operands = [operand(table, 0, 1, 4), operand(ids, 1, 0, 0), operand(out, 4, 1, 0)];
    const launches: Launch[] = [
      { executable: gather, sizes: [2, 4, 5], operands, scalars: [], stage: 0, label: "embedding" },
    ];
    const replay = replayOf(backend, launches);
    for (const id of [1, 4, 5, 2, -1]) {
      backend.write(ids, new Uint8Array(Int32Array.of(0, id).buffer));
      backend.submit([replay]);
      const errors = await backend.checkErrors();
      expect(errors.map((e) => e.message)).toEqual(
        id === 5 || id === -1 ? [`embedding: id is out of range, got ${id}, expected an integer from 0 to 4`] : [],
      );
    }
    expect(backend.graphs.launched).toBe(4);
  });
});

const [vocabSize, block, batch] = [17, 12, 4];

/** A GPT that is trained. `mixed`: in bfloat16, with attention as one kernel and GELU behind products. */
function makeTraining(device: Device, mixed: boolean) {
  const generator = manualSeed(5);
  const shape = { vocabSize, dModel: 24, nhead: 2, numLayers: 2, maxLen: block };
  const kind = mixed ? ({ dropout: 0, activation: "geluTanh" } as const) : { dropout: 0.1 };
  const model = new GPTModel({ ...shape, ...kind, generator, device });
  const optimizer = new AdamW(model.parameters(), { lr: 3e-3, weightDecay: 0.1 });
  const step = (ids: Tensor, targets: Tensor): Tensor => {
    const loss = autocast(mixed ? "bfloat16" : "float32", () =>
      F.crossEntropy(model.forward(ids).view(-1, vocabSize), targets),
    );
    loss.backward();
    clipGradNorm(model.parameters(), 1);
    optimizer.step();
    optimizer.zeroGrad();
    return loss;
  };
  const ids = (offset: number, ...shape: number[]) =>
    fromTypedArray(
      Int32Array.from({ length: batch * block }, (_, i) => ((i + offset) * (i + offset) * 7 + i) % vocabSize),
      shape,
      { device },
    );
  const batchAt = (i: number) => [ids(i, batch, block), ids(i + 1, batch * block)] as const;
  return { model, optimizer, step, batchAt };
}

describeOnEmulator("a compiled training step", (emulator) => {
  it.each([
    ["in float32 with dropout", false],
    ["in bfloat16", true],
  ])(
    "%s gives the bits of the plain one, with a changing learning rate, in few calls",
    async (_, mixed) => {
      const [a, b] = [
        await emulator.backend({ memoryLimit: 2 ** 27 }),
        await emulator.backend({ memoryLimit: 2 ** 27 }),
      ];
      const [plain, compiled] = [makeTraining(new Device(a), mixed), makeTraining(new Device(b), mixed)];
      const step = compile(compiled.step);
      const calls: number[] = [];
      for (let i = 0; i < 9; i++) {
        const lr = 3e-3 * Math.cos(i / 9);
        for (const { optimizer } of [plain, compiled]) for (const group of optimizer.paramGroups) group.lr = lr;
        const expected = await plain.step(...plain.batchAt(i)).item();
        const [ids, targets] = compiled.batchAt(i);
        const before = emulator.get("calls");
        const loss = step(ids, targets);
        calls.push(emulator.get("calls") - before);
        expect(await loss.item(), `step ${i}`).toBe(expected);
      }
      expect(step.obstacle).toBeUndefined();
      // Three steps are as written, one replay is plain and one makes the graph; then only what is new is told.
      expect(b.graphs).toMatchObject({ built: 1, launched: 5, refused: undefined });
      expect(calls.at(-1)).toBeLessThan(calls[1]! / 6);
      for (const [name, p] of compiled.model.namedParameters()) {
        const theirs = new Map(plain.model.namedParameters()).get(name)!;
        expect(await p.data(), name).toEqual(await theirs.data());
      }
      a.dispose();
      b.dispose();
      expect(emulator.get("live_graphs")).toBe(0);
    },
    180_000,
  );
});
