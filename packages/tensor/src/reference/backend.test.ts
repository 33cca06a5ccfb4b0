import { describe, expect, it } from "vitest";
import type { BufferHandle, Launch } from "../backend/backend.js";
import { kernelOf } from "../backend/kernel-geometry.js";
import { TensorError } from "../errors.js";
import { input, type Role } from "../kernel/expr.js";
import { makeProgram, type Program } from "../kernel/program.js";
import * as s from "../kernel/scalar.js";
import { createReferenceBackend, type ReferenceBackend } from "./backend.js";

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const toFloats = (bytes: Uint8Array) => [...new Float32Array(bytes.buffer)];

const addOne = (role: Role = "full"): Program =>
  makeProgram({
    inputs: [{ kind: "buffer", type: "float32", role }],
    scalars: [],
    reduces: [],
    outputs: [{ expr: s.add(input(0, "float32", role), 1), role: "full" }],
  });

type Overrides = {
  from?: Partial<Launch["operands"][number]>;
  to?: Partial<Launch["operands"][number]>;
  launch?: Partial<Launch>;
};

/** y = x + 1 over [2, 4] from one buffer to another, with parts replaced. */
function launchOf(
  backend: ReferenceBackend,
  x: BufferHandle,
  y: BufferHandle,
  { from, to, launch }: Overrides = {},
): Launch {
  const [a, b] = [from, to].map((o, i) => ({
    binding: { buffer: i ? y : x },
    byteOffset: 0,
    strides: [4, 1],
    offset: 0,
    ...o,
  }));
  const kernel = kernelOf(addOne(), {
    sizes: [2, 4],
    strides: [
      [4, 1],
      [4, 1],
    ],
  });
  return {
    executable: backend.compile(kernel),
    sizes: [2, 4],
    operands: [a!, b!],
    scalars: [],
    stage: 0,
    label: "test",
    ...launch,
  };
}

function setUp(options?: Parameters<typeof createReferenceBackend>[0]) {
  const backend = createReferenceBackend(options);
  const x = backend.allocate(32);
  const y = backend.allocate(32);
  backend.write(x, floats(0, 1, 2, 3, 4, 5, 6, 7));
  return { backend, x, y };
}

describe("ReferenceBackend", () => {
  it("runs a kernel over its buffers", async () => {
    const { backend, x, y } = setUp();
    backend.submit([launchOf(backend, x, y)]);
    expect(toFloats(await backend.read(y))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(backend.readSync?.(y, 4, 4)).toEqual(floats(2));
  });

  it("hands out garbage and forgets what is released", async () => {
    const { backend, x } = setUp();
    const fresh = backend.allocate(8);
    expect(toFloats(await backend.read(fresh))).toEqual([Number.NaN, Number.NaN]);
    backend.release(x);
    await expect(backend.read(x)).rejects.toThrow("released buffer");
  });

  const broken: [name: string, overrides: (x: BufferHandle, y: BufferHandle) => Overrides, message: string][] = [
    ["a read past the end", () => ({ from: { offset: 1 } }), "operand 0 is at element 8 of 8"],
    ["a read before the start", () => ({ from: { strides: [-4, 1] } }), "operand 0 is at element -4 of 8"],
    ["a write past the end", () => ({ to: { byteOffset: 16 } }), "operand 1 is at element 4 of 4"],
    ["a misaligned binding", () => ({ from: { byteOffset: 4 } }), "bound at byte 4"],
    ["a missing binding", () => ({ from: { binding: undefined } }), "operand 0 must be bound"],
    ["a stride of another class", () => ({ from: { strides: [4, 2] } }), "stride 2 along axis 1, compiled for 1"],
    ["an output written twice", () => ({ to: { strides: [0, 1] } }), "output 0 is written 2 times along axis 0"],
    ["too few strides", () => ({ to: { strides: [1] } }), "1 strides, expected 2"],
    ["a fractional offset", () => ({ from: { offset: 0.5 } }), "fractional"],
    ["negative sizes", () => ({ launch: { sizes: [-2, 4] } }), "sizes [-2, 4]"],
    ["too many scalars", () => ({ launch: { scalars: [1] } }), "1 scalars, expected 0"],
    ["too few operands", () => ({ launch: { operands: [] } }), "0 operands, expected 2"],
    ["a foreign executable", () => ({ launch: { executable: { key: "" } } }), "compiled by another backend"],
    [
      "a foreign buffer",
      () => ({ from: { binding: { buffer: createReferenceBackend().allocate(32) } } }),
      "buffer of another device",
    ],
  ];
  it.each(broken)("refuses %s", (_, overrides, message) => {
    const { backend, x, y } = setUp();
    expect(() => backend.submit([launchOf(backend, x, y, overrides(x, y))])).toThrow(message);
  });

  it("refuses operands that break their roles", () => {
    const { backend, x, y } = setUp();
    const launch = (program: Program, strides: number[][]): Launch => ({
      executable: backend.compile(kernelOf(program, { sizes: [2, 4], strides })),
      sizes: [2, 4],
      operands: strides.map((st, i) => ({ binding: { buffer: i ? y : x }, byteOffset: 0, strides: st, offset: 0 })),
      scalars: [],
      stage: 0,
      label: "test",
    });
    const run = (role: Role, strides: number[][]) => () => backend.submit([launch(addOne(role), strides)]);
    expect(
      run("row", [
        [1, 1],
        [4, 1],
      ]),
    ).toThrow("role row but stride 1 along axis 1");
    expect(
      run("lane", [
        [4, 1],
        [4, 1],
      ]),
    ).toThrow("role lane but stride 4 along axis 0");
    expect(
      run("full", [
        [4, 1],
        [0, 1],
      ]),
    ).toThrow("output 0 is written 2 times along axis 0");
    expect(
      run("row", [
        [4, 0],
        [4, 1],
      ]),
    ).not.toThrow();
  });

  it("refuses invalid programs", () => {
    const backend = createReferenceBackend();
    const [x, row] = [input(0, "float32", "full"), input(0, "float32", "row")];
    const inputs = [{ kind: "buffer", type: "float32", role: "full" }] as const;
    const compile = (program: Omit<Program, "key">) => () =>
      backend.compile({ program: { ...program, key: "" }, rank: 1, access: [[1], [1]], key: "" });
    const base = { inputs, scalars: [], reduces: [] };
    expect(compile({ ...base, outputs: [{ expr: x, role: "row" }] })).toThrow("role row but varies");
    expect(compile({ ...base, outputs: [{ expr: row, role: "row" }] })).toThrow("declared full");
    expect(compile({ ...base, reduces: [{ op: "max", of: s.eq(x, 0) }], outputs: [] })).toThrow("over bool");
  });

  it("counts bytes and refuses more than its limit, without harm", () => {
    const { backend, x } = setUp({ limitBytes: 100 });
    expect(() => backend.allocate(64)).toThrow(TensorError);
    try {
      backend.allocate(64);
    } catch (error) {
      expect(TensorError.is(error, "out-of-memory") && error.details).toEqual({
        requested: 64,
        live: 64,
        pooled: 0,
        limit: 100,
      });
    }
    backend.release(x);
    expect(backend.memory()).toEqual({ liveBytes: 32, peakBytes: 64, pooledBytes: 32, limitBytes: 100 });
    backend.allocate(64);
  });

  it("runs the launches of one stage in an order that changes with the seed, and stages in order", async () => {
    const orders = new Set<string>();
    for (let seed = 0; seed < 10; seed++) {
      const { backend, x, y } = setUp({ seed });
      const bump = (stage: number): Launch => launchOf(backend, x, y, { launch: { stage } });
      const back: Launch = launchOf(backend, y, x, { launch: { stage: 0 } });
      backend.submit([bump(0), back]);
      orders.add(String(await backend.read(x)));
      backend.write(x, floats(0, 1, 2, 3, 4, 5, 6, 7));
      backend.submit([bump(0), { ...back, stage: 1 }, bump(2)]);
      expect(toFloats(await backend.read(y))[0]).toBe(3);
      expect(() => backend.submit([bump(1), bump(0)])).toThrow("stage 0 after stage 1");
    }
    expect(orders.size).toBe(2);
  });

  it("replays captured launches with the bindings and scalars they have then", async () => {
    const { backend, x, y } = setUp();
    const launch = launchOf(backend, x, y);
    const executable = backend.capture([launch]);
    const z = backend.allocate(32);
    const replay: Launch = { executable, sizes: [], operands: [], scalars: [], stage: 0, label: "replay" };
    launch.operands[1]!.binding!.buffer = z;
    backend.submit([replay]);
    expect(toFloats(await backend.read(z, 0, 8))).toEqual([1, 2]);
  });

  it("is gone after dispose, and after a loss says so everywhere", async () => {
    const disposed = createReferenceBackend();
    disposed.dispose();
    expect(() => disposed.allocate(4)).toThrow(expect.objectContaining({ code: "disposed" }));
    const { backend, x } = setUp();
    backend.lose("test");
    expect((await backend.lost).code).toBe("device-lost");
    await expect(backend.read(x)).rejects.toMatchObject({ code: "device-lost" });
    expect(() => backend.submit([])).toThrow(expect.objectContaining({ code: "device-lost" }));
  });
});
