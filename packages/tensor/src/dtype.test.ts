import { describe, expect, it } from "vitest";
import {
  allDTypes,
  byteLengthOf,
  checkDType,
  dtypeOfArray,
  fromDeviceBytes,
  isFloat,
  isHalf,
  isInteger,
  makeData,
  promote,
  toDeviceBytes,
} from "./dtype.js";

describe("the table of dtypes", () => {
  it("sizes and kinds", () => {
    expect(allDTypes.map((d) => [d, byteLengthOf(d), isFloat(d), isInteger(d)])).toEqual([
      ["bool", 4, false, false],
      ["uint32", 4, false, true],
      ["int32", 4, false, true],
      ["float16", 2, true, false],
      ["bfloat16", 2, true, false],
      ["float32", 4, true, false],
      ["float64", 8, true, false],
    ]);
  });

  it("promotion is the higher of two, whatever their order", () => {
    for (const [i, a] of allDTypes.entries()) {
      for (const [j, b] of allDTypes.entries()) {
        const halves = a !== b && isHalf(a) && isHalf(b);
        expect(promote(a, b)).toBe(halves ? "float32" : allDTypes[Math.max(i, j)]);
      }
    }
  });

  it("checkDType takes names of dtypes only", () => {
    for (const d of allDTypes) expect(checkDType("zeros", d)).toBe(d);
    const message =
      "zeros: unknown dtype, got float8, expected one of bool, uint32, int32, float16, bfloat16, float32, float64";
    expect(() => checkDType("zeros", "float8")).toThrow(expect.objectContaining({ code: "dtype", message }));
    for (const bad of ["toString", 3, undefined, null]) {
      expect(() => checkDType("zeros", bad)).toThrow(expect.objectContaining({ code: "dtype" }));
    }
  });
});

describe("JavaScript arrays and device bytes", () => {
  it.each(allDTypes)("%s makes an array that knows its dtype", (dtype) => {
    const data = makeData(dtype, 3);
    expect(data.length).toBe(3);
    expect(dtypeOfArray(data)).toBe(isHalf(dtype) ? "float32" : dtype);
  });

  it("does not know other arrays", () => {
    for (const other of [[1], new Int8Array(1), new Uint16Array(1), "abc", null])
      expect(dtypeOfArray(other)).toBeUndefined();
  });

  it.each(allDTypes)("%s survives the way to the device and back", (dtype) => {
    const data = makeData(dtype, 3);
    data.set([1, 0, 1]);
    const bytes = toDeviceBytes(data, dtype);
    expect(bytes.byteLength).toBe(3 * byteLengthOf(dtype));
    expect(fromDeviceBytes(dtype, bytes)).toEqual(data);
  });

  it("makes 0 or 1 of every byte of a bool", () => {
    const bytes = toDeviceBytes(Uint8Array.of(0, 7, 255), "bool");
    expect([...new Int32Array(bytes.buffer)]).toEqual([0, 1, 1]);
  });

  it("uploads the part that a view shows", () => {
    const bytes = toDeviceBytes(new Float32Array([1, 2, 3, 4]).subarray(1, 3), "float32");
    expect(fromDeviceBytes("float32", bytes.slice())).toEqual(Float32Array.of(2, 3));
  });

  it("reads bytes that are misaligned or shared", () => {
    const odd = new Uint8Array(12);
    odd.set(new Uint8Array(Float64Array.of(2.5).buffer), 4);
    expect(fromDeviceBytes("float64", odd.subarray(4))).toEqual(Float64Array.of(2.5));
    const shared = new Uint8Array(new SharedArrayBuffer(4));
    const out = fromDeviceBytes("int32", shared);
    shared[0] = 1;
    expect(out).toEqual(Int32Array.of(0));
  });
});
