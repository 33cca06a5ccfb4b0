// What cuBLASLt adds to a product by itself, to the bit, and what only looks like it and must run as a map.

import {
  type Expr,
  type FloatType,
  input,
  kernelOf,
  type Launch,
  makeProgram,
  type Program,
  scalarAlgebra as s,
  scalar,
} from "@torchium/tensor/backend";
import { afterEach, describe, expect, it } from "vitest";
import type { CudaBackend } from "../backend.js";
import { describeOnEmulator } from "../testing/describe-on-emulator.js";
import { addendsOf } from "./epilogue.js";

const [m, n, k] = [5, 8, 3];
const [product, first, second] = [0, 1, 2].map((i) => input(i, "float32", "full")) as [Expr, Expr, Expr];

const programOf = (exprs: readonly Expr[], type: FloatType = "float32", kind: "buffer" | "index" = "buffer"): Program =>
  makeProgram({
    inputs: [0, 1, 2].map((i) => ({ kind: i === 1 ? kind : "buffer", type, role: "full" }) as const),
    scalars: ["float32"],
    reduces: [],
    outputs: exprs.map((expr) => ({ expr, role: "full" })),
  });
const strides = [0, 1, 2].map(() => [n, 1]);
const addends = (program: Program, type: FloatType = "float32") =>
  addendsOf(kernelOf(program, { sizes: [m, n], strides: [...strides, ...program.outputs.map(() => [n, 1])] }), type);

describe("an epilogue that adds", () => {
  it.each([
    ["one term", s.add(product, first), [1]],
    ["one term, written first", s.add(first, product), [1]],
    ["two terms, in the order in which they are added", s.add(s.add(product, second), first), [2, 1]],
    ["two terms, written backwards", s.add(first, s.add(second, product)), [2, 1]],
  ] as const)("is found: %s", (_, expr, expected) => {
    expect(addends(programOf([expr]))).toEqual(expected);
  });

  const z = s.add(product, first);
  const half = (i: number) => input(i, "bfloat16", "full");
  const wide = (i: number) => s.cast(half(i), "float32");
  it.each([
    ["a difference", [s.sub(product, first)]],
    ["a sum of other numbers", [s.add(first, second)]],
    ["the product twice", [s.add(product, product)]],
    ["the product twice, in three terms", [s.add(s.add(product, first), product)]],
    ["a constant", [s.add(product, 1)]],
    ["a launch scalar", [s.add(product, scalar(0, "float32"))]],
    ["a factor", [s.add(s.mul(product, 2), first)]],
    ["a term that is computed", [s.add(product, s.mul(first, 2))]],
    ["terms that are added to each other first", [s.add(product, s.add(first, second))]],
    ["a function of the sum", [s.max(z, 0)]],
    ["GELU by erf", [s.mul(s.mul(z, 0.5), s.add(1, s.erf(s.mul(z, Math.SQRT1_2))))]],
    [
      "GELU by tanh",
      [s.mul(s.mul(z, 0.5), s.add(1, s.tanh(s.mul(0.8, s.add(z, s.mul(0.044715, s.mul(z, s.mul(z, z))))))))],
    ],
    ["what is kept beside it", [z, product]],
  ] as const)("is not taken for %s", (_, exprs) => {
    expect(addends(programOf(exprs))).toBeUndefined();
  });

  it("is not taken in 16 bits, where the graph rounds twice, nor for positions", () => {
    const rounded = programOf([s.cast(s.add(wide(0), wide(1)), "bfloat16")], "bfloat16");
    expect(addends(rounded, "bfloat16")).toBeUndefined();
    expect(addends(programOf([z], "float32", "index"))).toBeUndefined();
  });
});

describeOnEmulator("cuBLASLt's epilogues", (emulator) => {
  const open: CudaBackend[] = [];
  afterEach(() => {
    for (const backend of open.splice(0)) backend.dispose();
  });

  const row = { strides: [0, 1], count: n };
  const column = { strides: [1, 0], count: m };
  const matrix = { strides: [n, 1], count: m * n };
  const turned = { strides: [1, m], count: m * n };
  type Operand = typeof row;
  const both = s.add(s.add(product, first), second);

  it.each([
    ["a bias", s.add(product, first), [row], { biases: 1, accumulations: 0, launches: 0 }],
    ["a residual", s.add(product, first), [matrix], { biases: 0, accumulations: 1, launches: 0 }],
    ["a residual, then a bias", both, [matrix, row], { biases: 1, accumulations: 1, launches: 0 }],
    ["a bias, then a residual: the other order", both, [row, matrix], { biases: 0, accumulations: 0, launches: 1 }],
    ["two matrices", both, [matrix, matrix], { biases: 0, accumulations: 0, launches: 1 }],
    ["one number a row", s.add(product, first), [column], { biases: 0, accumulations: 0, launches: 1 }],
    ["a residual that lies across", s.add(product, first), [turned], { biases: 0, accumulations: 0, launches: 1 }],
  ] as const)("%s", async (_, expr, operands: readonly Operand[], expected) => {
    const backend = await emulator.backend({ memoryLimit: 2 ** 26 });
    open.push(backend);
    const upload = (count: number, seed: number) => {
      const numbers = Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.3 + seed));
      const buffer = backend.allocate(4 * count);
      backend.write(buffer, new Uint8Array(numbers.buffer));
      return { numbers, buffer };
    };
    const at = (buffer: Launch["operands"][number]["buffer"], strides: readonly number[]) => ({
      buffer,
      byteOffset: 0,
      strides,
      offset: 0,
    });
    const factors = [at(upload(m * k, 1).buffer, [k, 0, 1]), at(upload(k * n, 2).buffer, [0, 1, n])];
    const terms = operands.map(({ count }, i) => upload(count, 3 + i));
    const [plain, out] = [backend.allocate(4 * m * n), backend.allocate(4 * m * n)];
    const program = makeProgram({
      inputs: [0, ...operands].map(() => ({ kind: "buffer", type: "float32", role: "full" }) as const),
      scalars: [],
      reduces: [],
      outputs: [{ expr, role: "full" }],
    });
    const lie = [[n, 1], ...operands.map((o) => o.strides), [n, 1]];
    const epilogue = kernelOf(program, { sizes: [m, n], strides: lie });
    const call = { op: "matmul", attributes: { type: "float32" }, rank: 3 } as const;
    const common = { sizes: [m, n, k], scalars: [], stage: 0, label: "matmul" };
    const before = (["biases", "accumulations", "launches"] as const).map(
      (name) => [name, emulator.get(name)] as const,
    );
    backend.submit([
      {
        ...common,
        executable: backend.anchor({ ...call, epilogue })!,
        operands: [...factors, ...terms.map(({ buffer }, i) => at(buffer, operands[i]!.strides)), at(out, [n, 1])],
      },
    ]);
    expect(Object.fromEntries(before.map(([name, count]) => [name, emulator.get(name) - count]))).toEqual(expected);
    backend.submit([{ ...common, executable: backend.anchor(call)!, operands: [...factors, at(plain, [n, 1, 0])] }]);
    const read = async (buffer: typeof out) => new Float32Array((await backend.read(buffer)).buffer);
    const [sum, alone] = [await read(out), await read(plain)];
    sum.forEach((got, i) => {
      let value = alone[i]!;
      terms.forEach(({ numbers }, t) => {
        const [down, across] = operands[t]!.strides as [number, number];
        value = Math.fround(value + numbers[Math.floor(i / n) * down + (i % n) * across]!);
      });
      expect(got).toBe(value);
    });
  });
});
