// Safetensors: bits survive, other people's files load, and damaged ones are refused with the reason.

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DataArray, DType } from "../dtype.js";
import { Device } from "../graph/device.js";
import { TensorError, tensor } from "../index.js";
import { createReferenceBackend } from "../reference/index.js";
import { inspectSafetensors, loadSafetensors, saveSafetensors, serializeSafetensors } from "./index.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "safetensors-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const errorLike = (code: string, ...parts: string[]) =>
  expect.toSatisfy(
    (e) => TensorError.is(e, code as never) && parts.every((part) => (e as Error).message.includes(part)),
  );

/** A file from its header and data. */
function fileOf(header: unknown, data: Uint8Array | readonly number[] = []): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

const bitsOf = (array: DataArray) => [...new Uint8Array(array.buffer, array.byteOffset, array.byteLength)];

const specials = [0, -0, 1, -1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-42, 3.4e38, 0.1];
const examples: Readonly<Record<string, { data: DataArray; shape: number[]; dtype: DType }>> = {
  "a.float32": { data: Float32Array.from(specials), shape: [2, 5], dtype: "float32" },
  "a.float64": { data: Float64Array.from(specials), shape: [5, 2, 1], dtype: "float64" },
  int32: { data: Int32Array.from([-(2 ** 31), 2 ** 31 - 1, 0]), shape: [3], dtype: "int32" },
  uint32: { data: Uint32Array.from([2 ** 32 - 1]), shape: [], dtype: "uint32" },
  bool: { data: Uint8Array.from([1, 0, 1]), shape: [3, 1], dtype: "bool" },
  empty: { data: new Float32Array(0), shape: [0, 4], dtype: "float32" },
  __proto: { data: Float32Array.of(7), shape: [1], dtype: "float32" },
  'a name, "quoted" ü': { data: Float32Array.of(8), shape: [], dtype: "float32" },
};
const tensors = () =>
  Object.fromEntries(
    Object.entries(examples).map(([name, { data, shape, dtype }]) => [name, tensor(data, { shape, dtype })]),
  );

describe("a round trip", () => {
  it.each(["bytes", "an array buffer", "a Node buffer", "a path"])("keeps every bit through %s", async (way) => {
    const path = join(folder, "all.safetensors");
    const metadata = { format: "pt", note: "ü" };
    const bytes = await serializeSafetensors(tensors(), metadata);
    if (way === "a path") await saveSafetensors(path, tensors(), metadata);
    const source = { bytes, "an array buffer": bytes.buffer, "a Node buffer": Buffer.from(bytes) }[way] ?? path;
    const loaded = await loadSafetensors(source);
    expect(Object.keys(loaded).sort()).toEqual(Object.keys(examples).sort());
    for (const [name, { data, shape, dtype }] of Object.entries(examples)) {
      expect([name, loaded[name]!.dtype, loaded[name]!.shape]).toEqual([name, dtype, shape]);
      expect(bitsOf(await loaded[name]!.data())).toEqual(bitsOf(data));
    }
    expect((await inspectSafetensors(source)).metadata).toEqual(metadata);
    if (way === "a path") expect(new Uint8Array(await readFile(path))).toEqual(bytes);
  });

  it("copies: changing the bytes later changes no tensor", async () => {
    const bytes = await serializeSafetensors({ x: tensor([1, 2]) });
    const { x } = await loadSafetensors(bytes);
    bytes.fill(0);
    expect(await x!.toArray()).toEqual([1, 2]);
  });

  it("saves views and pending results as what they are", async () => {
    const base = tensor([1, 2, 3, 4, 5, 6]).reshape(2, 3);
    const loaded = await loadSafetensors(await serializeSafetensors({ t: base.T, sum: base.add(1).sum() }));
    expect(await loaded.t!.toArray()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    expect(await loaded.sum!.item()).toBe(27);
  });

  it("puts tensors on the device that is asked for", async () => {
    const device = new Device(createReferenceBackend());
    const { x } = await loadSafetensors(await serializeSafetensors({ x: tensor([1]) }), { device });
    expect(x!.device).toBe(device);
  });

  it("aligns the data of every tensor to its elements", async () => {
    const bytes = await serializeSafetensors({ flag: tensor([true]), x: tensor(Float64Array.of(1)) });
    const headerBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(headerBytes % 8).toBe(0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes)));
    expect(header).toEqual({
      x: { dtype: "F64", shape: [1], data_offsets: [0, 8] },
      flag: { dtype: "BOOL", shape: [1], data_offsets: [8, 9] },
    });
  });
});

describe("types that others write", () => {
  const le = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  // Halves by hand: 1, -2, 65504, the smallest subnormal, the largest subnormal, infinities, NaN, -0.
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x7c00, 0xfc00, 0x7e00, 0x8000);
  const brain = Uint16Array.of(0x3f80, 0xc000, 0x7f80, 0x8000, 0x0001);
  it.each([
    ["F16", le(halves), "float16", [1, -2, 65504, 2 ** -24, 1023 * 2 ** -24, Infinity, -Infinity, NaN, -0]],
    ["BF16", le(brain), "bfloat16", [1, -2, Infinity, -0, 2 ** -133]],
    ["I64", le(BigInt64Array.of(-(2n ** 31n), 2n ** 31n - 1n)), "int32", [-(2 ** 31), 2 ** 31 - 1]],
    ["U64", le(BigUint64Array.of(0n, 7n)), "int32", [0, 7]],
    ["I16", le(Int16Array.of(-5, 300)), "int32", [-5, 300]],
    ["U16", le(Uint16Array.of(65535)), "int32", [65535]],
    ["I8", le(Int8Array.of(-128, 127)), "int32", [-128, 127]],
    ["U8", le(Uint8Array.of(0, 255)), "int32", [0, 255]],
  ] as const)("reads %s", async (type, bytes, dtype, values) => {
    const file = fileOf({ x: { dtype: type, shape: [values.length], data_offsets: [0, bytes.length] } }, bytes);
    const { x } = await loadSafetensors(file);
    expect(x!.dtype).toBe(dtype);
    expect([...(await x!.data())]).toEqual(values);
    expect((await inspectSafetensors(file)).tensors.x).toMatchObject({ type, dtype, byteLength: bytes.length });
  });

  it.each([
    ["I64", BigInt64Array.of(1n, 2n ** 31n), "unsupported", "got 2147483648 at 1"],
    ["U64", BigUint64Array.of(2n ** 63n), "unsupported", "got 9223372036854775808 at 0"],
    ["BOOL", Uint8Array.of(0, 1, 2), "format", "got 2 at 2, expected 0 or 1"],
  ])("refuses values of %s that do not fit", async (type, values, code, message) => {
    const file = fileOf(
      { x: { dtype: type, shape: [values.length], data_offsets: [0, values.byteLength] } },
      le(values),
    );
    await expect(loadSafetensors(file)).rejects.toEqual(errorLike(code, message, 'tensor "x"'));
  });
});

describe("what is no safetensors file", () => {
  const x = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
  const eight = new Uint8Array(8);
  const withLength = (length: bigint) => {
    const bytes = fileOf({ x }, eight);
    new DataView(bytes.buffer).setBigUint64(0, length, true);
    return bytes;
  };
  const damaged: readonly (readonly [string, Uint8Array, string])[] = [
    ["empty", new Uint8Array(0), "too short for a header, got 0 bytes"],
    ["a few bytes", new Uint8Array(7), "too short for a header, got 7 bytes"],
    ["a header longer than the file", withLength(5000n), "ends inside its header"],
    ["a huge header", withLength(2n ** 63n), "the header is too long"],
    ["no JSON", fileOf("{oops"), "the header is not JSON"],
    ["broken UTF-8", new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff]), "the header is not JSON"],
    ["an array", fileOf([]), "not a JSON object"],
    ["null", fileOf(null), "not a JSON object"],
    ["a truncated tensor", fileOf({ x }, new Uint8Array(7)), "truncated, got 7 bytes of data, expected 8"],
    ["bytes left over", fileOf({ x }, new Uint8Array(9)), "belong to no tensor"],
    ["an overlap", fileOf({ x, y: { ...x, data_offsets: [4, 12] } }, new Uint8Array(12)), 'tensor "y" overlaps'],
    ["a gap", fileOf({ x, y: { ...x, data_offsets: [12, 20] } }, new Uint8Array(20)), 'tensor "y" leaves a gap'],
    ["a gap at the start", fileOf({ x: { ...x, data_offsets: [8, 16] } }, new Uint8Array(16)), "leaves a gap"],
    ["offsets against the shape", fileOf({ x: { ...x, data_offsets: [0, 4] } }, eight), "8 bytes, as the shape says"],
    ["offsets backwards", fileOf({ x: { ...x, data_offsets: [8, 0] } }, eight), "data_offsets of tensor"],
    ["one offset", fileOf({ x: { ...x, data_offsets: [8] } }, eight), "two whole numbers"],
    ["a fraction", fileOf({ x: { ...x, data_offsets: [0, 8.5] } }, eight), "two whole numbers"],
    ["a negative size", fileOf({ x: { ...x, shape: [-2] } }, eight), "sizes of at least 0"],
    ["sizes past counting", fileOf({ x: { ...x, shape: [2 ** 40, 2 ** 40] } }, eight), "sizes of at least 0"],
    ["an unknown dtype", fileOf({ x: { ...x, dtype: "F8_E4M3" } }, eight), 'got "F8_E4M3", expected one of F64'],
    ["a dtype of Object", fileOf({ x: { ...x, dtype: "constructor" } }, eight), 'got "constructor"'],
    ["a tensor that is a number", fileOf({ x: 5 }, eight), "description of tensor"],
    ["metadata that is no string", fileOf({ __metadata__: { a: 1 } }), "__metadata__ must map names to strings"],
  ];
  it.each(damaged)("is refused: %s", async (_, bytes, message) => {
    await expect(loadSafetensors(bytes)).rejects.toEqual(errorLike("format", message, "in the bytes given"));
    const path = join(folder, "damaged.safetensors");
    await writeFile(path, bytes);
    await expect(loadSafetensors(path)).rejects.toEqual(errorLike("format", message, `in ${path}`));
  });

  it("is refused wherever a good file is cut", async () => {
    const bytes = await serializeSafetensors(tensors());
    for (let length = 0; length < bytes.length; length++) {
      await expect(loadSafetensors(bytes.subarray(0, length))).rejects.toEqual(errorLike("format"));
    }
  });

  it("names the path that cannot be read", async () => {
    const missing = join(folder, "missing.safetensors");
    await expect(loadSafetensors(missing)).rejects.toEqual(errorLike("file", "no such file or folder", missing));
    await expect(loadSafetensors(folder)).rejects.toEqual(errorLike("file", folder));
    await expect(loadSafetensors(5 as never)).rejects.toEqual(errorLike("argument", 'got "number"'));
  });
});

describe("saving", () => {
  it("writes whole files or none", async () => {
    const own = await mkdtemp(join(folder, "atomic-"));
    const path = join(own, "model.safetensors");
    await saveSafetensors(path, { x: tensor([1]) });
    const parameter = tensor([2], { requiresGrad: true });
    const stale = parameter.add(1);
    parameter.assign(tensor([3]));
    await expect(saveSafetensors(path, { x: tensor([3]), stale })).rejects.toEqual(
      errorLike("state", "was overwritten before it was saved"),
    );
    expect(await readdir(own)).toEqual(["model.safetensors"]);
    expect(await (await loadSafetensors(path)).x!.toArray()).toEqual([1]);
  });

  it("refuses to mix values from before and after an update", async () => {
    const [first, second] = [tensor([1], { requiresGrad: true }), tensor([2], { requiresGrad: true })];
    const saving = serializeSafetensors({ first, second });
    second.assign(tensor([3]));
    await expect(saving).rejects.toEqual(errorLike("state", "second was overwritten before it was saved"));
  });

  it("refuses two writers at one path", async () => {
    const path = join(folder, "busy.safetensors");
    const [one, two] = await Promise.allSettled([1, 2].map((x) => saveSafetensors(path, { x: tensor([x]) })));
    expect(one!.status).toBe("fulfilled");
    expect(two).toMatchObject({ reason: errorLike("state", "still writes here", path) });
    expect(await (await loadSafetensors(path)).x!.toArray()).toEqual([1]);
  });

  it.each([
    ["argument", 'got "number"', () => serializeSafetensors({ x: 5 as never })],
    ["argument", "__metadata__", () => serializeSafetensors({ __metadata__: tensor([1]) })],
    ["argument", 'metadata "a" must be a string', () => serializeSafetensors({}, { a: 1 as never })],
    ["argument", "path must be a path", () => saveSafetensors("", {})],
    ["file", "no such file or folder", () => saveSafetensors(join(folder, "no", "where"), { x: tensor([1]) })],
  ])("says what is wrong: %s, %s", async (code, message, save) => {
    await expect(save()).rejects.toEqual(errorLike(code, message));
  });
});
