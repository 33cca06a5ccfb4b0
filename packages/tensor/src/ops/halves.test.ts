// float16 and bfloat16 against PyTorch, bit by bit where it rounds once, and what autocast makes of each op.

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { float32Ops } from "../autograd/autocast.js";
import { autocast, noGrad } from "../control.js";
import { createCpuDevice } from "../cpu/device.js";
import { tensor } from "../creation.js";
import { type DType, type HalfType, promote } from "../dtype.js";
import { add, cat as concat, embedding, logSoftmax, matmul, softmax, stack } from "../functions.js";
import { Device } from "../graph/device.js";
import { halfFloats } from "../half-floats.js";
import { functional as F, Linear } from "../nn/index.js";
import { createReferenceBackend } from "../reference/index.js";
import type { Tensor } from "../tensor.js";
import * as ops from "./index.js";

type Bits = readonly (number | null)[];
type Conversion = { readonly name: string; readonly from: readonly number[] } & Partial<Record<DType, Bits>>;
type Operation = {
  readonly name: string;
  readonly op: string;
  readonly dtype: HalfType;
  readonly shape: readonly number[];
  readonly a: Bits;
  readonly b: Bits;
  readonly outShape: readonly number[];
  readonly out: Bits;
  readonly upstream: Bits;
  readonly aGradient: Bits;
  readonly bGradient?: Bits;
};
type Promotion = { readonly name: "promotion"; readonly types: Readonly<Record<string, DType>> };

const { cases } = JSON.parse(readFileSync(new URL("../../goldens/halves.json", import.meta.url), "utf8")) as {
  cases: (Conversion | Operation | Promotion)[];
};
const named = <T>(name: string): T => cases.find((c) => c.name === name) as T;
const operations = cases.filter((c): c is Operation => "op" in c);
const halves = ["float16", "bfloat16"] as const;

const singles = (patterns: readonly number[]): number[] => [...new Float32Array(Uint32Array.from(patterns).buffer)];
const valuesOf = (type: HalfType, bits: Bits): number[] =>
  bits.map((b) => (b === null ? Number.NaN : halfFloats[type].numberOf(b)));

const devices: Record<string, Device> = {};
beforeAll(async () => {
  devices["cpu"] = await createCpuDevice({ threads: 2 });
  devices["plain cpu"] = await createCpuDevice({ threads: 1, relaxedSimd: false });
  devices["reference"] = new Device(createReferenceBackend());
});
afterAll(() => {
  for (const device of Object.values(devices)) device.dispose();
});
const names = ["cpu", "plain cpu", "reference"] as const;

describe.each(halves)("%s", (type) => {
  it.each(["from float32", "from float64", "from int32"])("host: %s", (name) => {
    const golden = named<Conversion>(name);
    const from = name === "from float32" ? singles(golden.from) : golden.from;
    const got = from.map((x) => (Number.isNaN(x) ? null : halfFloats[type].bitsOf(x)));
    expect(got).toEqual(golden[type]);
  });

  it("host: every value survives the way to float32 and back", () => {
    const golden = named<Conversion>(`${type} to float32`);
    const want = singles(golden.float32!.map((b) => b ?? 0x7fc00000));
    expect(golden.from.map(halfFloats[type].numberOf)).toEqual(want);
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = halfFloats[type].numberOf(bits);
      if (!Number.isNaN(value)) expect(halfFloats[type].bitsOf(value)).toBe(bits);
    }
  });

  it.each(names)("%s: conversions", async (name) => {
    const device = devices[name]!;
    for (const [source, dtype] of [
      ["from float32", "float32"],
      ["from float64", "float64"],
      ["from int32", "int32"],
    ] as const) {
      const golden = named<Conversion>(source);
      const from = dtype === "float32" ? singles(golden.from) : golden.from;
      const got = await tensor(from, { dtype, device }).to(type).data();
      expect([...got], source).toEqual(valuesOf(type, golden[type]!));
    }
    const golden = named<Conversion>(`${type} to float32`);
    const x = tensor(valuesOf(type, golden.from), { dtype: type, device });
    expect([...(await x.to("float32").data())]).toEqual(valuesOf(type, golden.from));
    expect([...(await x.to("bool").data())]).toEqual(valuesOf(type, golden.from).map((v) => +(v !== 0)));
  });

  it.each(names)("%s: views, odd sizes and copies", async (name) => {
    const values = Array.from({ length: 7 * 5 }, (_, i) => i / 4 - 3);
    const x = tensor(values, { dtype: type, device: devices[name]!, shape: [7, 5] });
    const transposed = x.T.contiguous();
    expect(await transposed.toArray()).toEqual(
      Array.from({ length: 5 }, (_, j) => Array.from({ length: 7 }, (_, i) => values[i * 5 + j])),
    );
    expect((await x.slice(0, 1, 6, 2).add(1).data())[3]).toBe(values[8]! + 1);
    expect(concat([x, x.slice(1, 0, 3)], 1).dtype).toBe(type);
    expect((await stack([x, x]).data()).length).toBe(70);
    expect(await x.sum().item()).toBe(Number(await x.to("float32").sum().to(type).item()));
  });

  it.each(names)("%s: ids, sorting and running sums", async (name) => {
    const table = tensor([1, 2, 3, 4, 5, 6], {
      dtype: type,
      device: devices[name]!,
      shape: [3, 2],
      requiresGrad: true,
    });
    const rows = embedding(table, tensor([2, 0, 2], { dtype: "int32", device: devices[name]! }));
    expect([rows.dtype, [...(await rows.data())]]).toEqual([type, [5, 6, 1, 2, 5, 6]]);
    rows.sum().backward();
    expect([table.grad!.dtype, [...(await table.grad!.data())]]).toEqual([type, [1, 1, 0, 0, 2, 2]]);
    const { values, indices } = noGrad(() => table.reshape(6).sort(0, true));
    expect([[...(await values.data())], [...(await indices.data())]]).toEqual([
      [6, 5, 4, 3, 2, 1],
      [5, 4, 3, 2, 1, 0],
    ]);
  });

  it.each(names)("%s: ops and gradients are PyTorch's", async (name) => {
    const epsilon = type === "float16" ? 2 ** -10 : 2 ** -7;
    for (const c of operations.filter((o) => o.dtype === type)) {
      const make = (bits: Bits, shape: readonly number[], requiresGrad: boolean): Tensor =>
        tensor(valuesOf(type, bits), { dtype: type, device: devices[name]!, shape, requiresGrad });
      const [a, b] = [make(c.a, c.shape, true), make(c.b, c.shape, true)];
      const out = run(c.op, a, b);
      expect([out.dtype, out.shape], c.name).toEqual([type, c.outShape]);
      out.backward(make(c.upstream, c.outShape, false));
      await near(out, valuesOf(type, c.out), epsilon, 1, c.name);
      await near(a.grad!, valuesOf(type, c.aGradient), epsilon, 4, `${c.name}: first gradient`);
      if (c.bGradient) await near(b.grad!, valuesOf(type, c.bGradient), epsilon, 4, `${c.name}: second gradient`);
    }
  });
});

function run(op: string, a: Tensor, b: Tensor): Tensor {
  switch (op) {
    case "matmul":
      return matmul(a, b.T);
    case "sum":
    case "mean":
    case "amax":
    case "cumsum":
      return a[op](-1);
    case "softmax":
      return softmax(a, -1);
    case "logSoftmax":
      return logSoftmax(a, -1);
    case "gelu":
      return F.gelu(a);
    case "add":
    case "sub":
    case "mul":
    case "div":
      return a[op](b);
    default:
      return a[op as "exp" | "tanh" | "sigmoid" | "relu"]();
  }
}

/** Within some steps of the type; of the largest value's step where values cancel. */
async function near(x: Tensor, want: readonly number[], epsilon: number, steps: number, what: string): Promise<void> {
  const got = await x.data();
  const largest = Math.max(...want.map(Math.abs));
  want.forEach((w, i) => {
    const slack = steps * epsilon * Math.max(Math.abs(w), steps > 1 ? largest / 2 : 0);
    expect(Math.abs(got[i]! - w), `${what}: element ${i}: ${got[i]}, expected ${w}`).toBeLessThanOrEqual(slack);
  });
}

it("dtypes meet as in PyTorch", () => {
  for (const [pair, want] of Object.entries(named<Promotion>("promotion").types)) {
    const [a, b] = pair.split(" ") as [DType, DType];
    expect(promote(a, b), pair).toBe(want);
  }
});

describe("gradients of what rows share", () => {
  it("are summed in float32 and rounded once", async () => {
    const device = devices["cpu"]!;
    const rows = 1000;
    const bias = tensor([0, 0], { dtype: "bfloat16", device, requiresGrad: true });
    const x = tensor(new Float32Array(rows * 2).fill(1.0078125), { device, shape: [rows, 2], dtype: "bfloat16" });
    F.layerNorm(x, 2, { weight: tensor([1, 1], { dtype: "bfloat16", device }), bias })
      .sum()
      .backward();
    // 1000 is a bfloat16; adding ones in bfloat16 would stop at 256.
    expect([bias.grad!.dtype, [...(await bias.grad!.data())]]).toEqual(["bfloat16", [1000, 1000]]);
  });
});

describe("autocast", () => {
  const on = (values: number[] | number[][], dtype: DType = "float32", requiresGrad = false): Tensor =>
    tensor(values, { dtype, device: devices["cpu"]!, requiresGrad });

  it("computes products in 16 bits and keeps other ops where PyTorch keeps them", () => {
    const [x, low] = [
      on([
        [1, 2],
        [3, 4],
      ]),
      on(
        [
          [1, 2],
          [3, 4],
        ],
        "bfloat16",
      ),
    ];
    const types = autocast("bfloat16", () => ({
      matmul: matmul(x, x),
      mixed: matmul(x, low),
      double: matmul(x.to("float64"), x.to("float64")),
      linear: F.linear(x, x, on([1, 2])),
      add: add(low, low),
      residual: add(x, low),
      relu: low.relu(),
      softmax: softmax(low, -1),
      layerNorm: F.layerNorm(low, 2),
      sum: low.sum(),
      mean: low.mean(),
      exp: low.exp(),
      cumsum: low.cumsum(0),
      off: autocast("float32", () => matmul(x, x)),
      other: autocast("float16", () => matmul(x, x)),
    }));
    expect(Object.fromEntries(Object.entries(types).map(([name, t]) => [name, t.dtype]))).toEqual({
      matmul: "bfloat16",
      mixed: "bfloat16",
      double: "float64",
      linear: "bfloat16",
      add: "bfloat16",
      residual: "float32",
      relu: "bfloat16",
      softmax: "float32",
      layerNorm: "float32",
      sum: "float32",
      mean: "bfloat16",
      exp: "float32",
      cumsum: "float32",
      off: "float32",
      other: "float16",
    });
    expect(matmul(x, x).dtype).toBe("float32");
  });

  it("leaves parameters and their gradients in float32, and converts a weight that is used twice once", async () => {
    const device = devices["cpu"]!;
    const layer = new Linear(2, 2, { device });
    const loss = autocast("bfloat16", () => layer.forward(layer.forward(on([[1, 2]]))).sum());
    loss.backward();
    expect([loss.dtype, layer.weight.grad!.dtype, layer.bias!.grad!.dtype]).toEqual(["float32", "float32", "float32"]);
    expect((await layer.weight.grad!.data()).every((g) => Number.isFinite(g) && g !== 0)).toBe(true);
    const weight = on([[1]], "float32", true);
    const [first, second] = autocast("bfloat16", () => [
      ops.asFactor(weight, "bfloat16"),
      ops.asFactor(weight, "bfloat16"),
    ]);
    expect(first).toBe(second);
    const [other] = autocast("bfloat16", () => [ops.asFactor(weight, "bfloat16")]);
    expect(other).not.toBe(first);
  });

  it("names ops that exist", () => {
    const declared = new Set(
      Object.values(ops).flatMap((f) => (typeof f === "function" && "declaration" in f ? [f.declaration.name] : [])),
    );
    expect([...float32Ops].filter((name) => !declared.has(name))).toEqual([]);
  });

  it("refuses promises and other dtypes", () => {
    expect(() => autocast("bfloat16", async () => 1)).toThrow(expect.objectContaining({ code: "state" }));
    expect(() => autocast("float64" as "float32", () => 1)).toThrow(expect.objectContaining({ code: "argument" }));
  });
});
