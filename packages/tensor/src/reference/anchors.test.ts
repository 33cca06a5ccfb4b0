import { describe, expect, it } from "vitest";
import type { AnchorCall, AnchorName, LaunchOperand } from "../backend/backend.js";
import { kernelOf } from "../backend/kernel-geometry.js";
import { type DType, fromDeviceBytes, makeData, toDeviceBytes } from "../dtype.js";
import { input } from "../kernel/expr.js";
import { makeProgram } from "../kernel/program.js";
import * as s from "../kernel/scalar.js";
import { createReferenceBackend } from "./backend.js";

type Operand = { readonly type: DType; readonly values: readonly number[]; readonly strides: readonly number[] };

/** Runs an anchor; outputs start as 99. */
async function runAnchor(call: AnchorCall, sizes: readonly number[], operands: readonly Operand[], outputs: number) {
  const backend = createReferenceBackend();
  const bound = operands.map(({ type, values, strides }): LaunchOperand => {
    const data = makeData(type, values.length);
    data.set(values as number[]);
    const bytes = toDeviceBytes(data, type);
    const buffer = backend.allocate(bytes.byteLength);
    backend.write(buffer, bytes);
    return { binding: { buffer }, byteOffset: 0, strides, offset: 0 };
  });
  const executable = backend.anchor(call)!;
  backend.submit([{ executable, sizes, operands: bound, scalars: [], stage: 0, label: "anchor" }]);
  const results: number[][] = [];
  for (let k = operands.length - outputs; k < operands.length; k++) {
    results.push([...fromDeviceBytes(operands[k]!.type, await backend.read(bound[k]!.binding!.buffer!))]);
  }
  return { results, errors: await backend.checkErrors() };
}

const f32 = (values: readonly number[], strides: readonly number[]): Operand => ({ type: "float32", values, strides });
const i32 = (values: readonly number[], strides: readonly number[]): Operand => ({ type: "int32", values, strides });
const fresh = (n: number) => new Array<number>(n).fill(99);

describe("anchors of the reference", () => {
  const matmul: AnchorCall = { op: "matmul", attributes: { type: "float32" }, rank: 3 };

  it("matmul: [2, 3]·[3, 2], the second transposed in memory", async () => {
    const operands = [f32([1, 2, 3, 4, 5, 6], [3, 0, 1]), f32([1, 0, 1, 2, 1, 0], [0, 3, 1]), f32(fresh(4), [2, 1, 0])];
    const { results } = await runAnchor(matmul, [2, 2, 3], operands, 1);
    expect(results).toEqual([[4, 4, 10, 13]]);
  });

  it("matmul over no depth is zeros", async () => {
    const { results } = await runAnchor(
      matmul,
      [1, 2, 0],
      [f32([1], [0, 0, 1]), f32([1], [0, 1, 1]), f32(fresh(2), [2, 1, 0])],
      1,
    );
    expect(results).toEqual([[0, 0]]);
  });

  it("matmul with an epilogue: relu of the product and a bias", async () => {
    const [c, bias] = [input(0, "float32", "full"), input(1, "float32", "full")];
    const program = makeProgram({
      inputs: [0, 1].map(() => ({ kind: "buffer", type: "float32", role: "full" })),
      scalars: [],
      reduces: [],
      outputs: [{ expr: s.max(s.add(c, bias), 0), role: "full" }],
    });
    const epilogue = kernelOf(program, {
      sizes: [2, 2],
      strides: [
        [2, 1],
        [0, 1],
        [2, 1],
      ],
    });
    const operands = [
      f32([1, 2, 3, 4], [2, 0, 1]),
      f32([1, 0, 0, 1], [0, 1, 2]),
      f32([-2, 0.5], [0, 1]),
      f32(fresh(4), [2, 1]),
    ];
    const { results } = await runAnchor({ ...matmul, epilogue }, [2, 2, 2], operands, 1);
    expect(results).toEqual([[0, 2.5, 1, 4.5]]);
  });

  it("gather: rows by id; an id outside is zeros and a fault", async () => {
    const call: AnchorCall = { op: "gather", attributes: { type: "int32" }, rank: 3 };
    const operands = [i32([1, 2, 3, 4, 5, 6], [0, 1, 2]), i32([2, 3, 0, -1], [1, 0, 0]), i32(fresh(8), [2, 1, 0])];
    const { results, errors } = await runAnchor(call, [4, 2, 3], operands, 1);
    expect(results).toEqual([[5, 6, 0, 0, 1, 2, 0, 0]]);
    expect(errors).toEqual([
      { label: "anchor", code: "index", message: "anchor: id is out of range, got 3, expected an integer from 0 to 2" },
    ]);
  });

  it("scatterAdd: zeroes, adds in order with each sum rounded, leaves out ids outside", async () => {
    const call: AnchorCall = { op: "scatterAdd", attributes: { type: "float32" }, rank: 3 };
    const operands = [f32([1e8, 1, -1e8, 1, 7], [0, 0, 1]), i32([0, 0, 0, 0, 5], [0, 0, 1]), f32(fresh(3), [1, 1, 0])];
    const { results, errors } = await runAnchor(call, [3, 1, 5], operands, 1);
    expect(results).toEqual([[1, 0, 0]]);
    expect(errors.map((e) => e.message)).toEqual([
      "anchor: id is out of range, got 5, expected an integer from 0 to 2",
    ]);
  });

  it.each([
    [false, [1, 3, 6, 10, 30, 60]],
    [true, [6, 5, 3, 60, 50, 30]],
  ])("scan, reverse %s", async (reverse, expected) => {
    const call: AnchorCall = { op: "scan", attributes: { type: "float32", reverse }, rank: 2 };
    const { results } = await runAnchor(call, [2, 3], [f32([1, 2, 3, 10, 20, 30], [3, 1]), f32(fresh(6), [3, 1])], 1);
    expect(results).toEqual([expected]);
  });

  it.each([
    [false, [-1, 2, 2, 3, Number.NaN], [4, 1, 3, 0, 2]],
    [true, [Number.NaN, 3, 2, 2, -1], [2, 0, 1, 3, 4]],
  ])("sort, descending %s: stable, NaN largest", async (descending, values, positions) => {
    const call: AnchorCall = { op: "sort", attributes: { type: "float32", descending }, rank: 2 };
    const operands = [f32([3, 2, Number.NaN, 2, -1], [5, 1]), f32(fresh(5), [5, 1]), i32(fresh(5), [5, 1])];
    const { results } = await runAnchor(call, [1, 5], operands, 2);
    expect(results).toEqual([values, positions]);
  });

  it("declines what it is told to, and epilogues where the output has other axes", () => {
    const declines: AnchorName[] = ["matmul"];
    const backend = createReferenceBackend({ declines });
    const attributes = { type: "float32" } as const;
    const program = makeProgram({ inputs: [], scalars: [], reduces: [], outputs: [] });
    const epilogue = kernelOf(program, { sizes: [1], strides: [] });
    expect(backend.anchor(matmul)).toBeUndefined();
    expect(backend.anchor({ op: "scatterAdd", attributes, rank: 3, epilogue })).toBeUndefined();
    expect(backend.anchor({ op: "scatterAdd", attributes, rank: 3 })).toBeDefined();
  });
});
