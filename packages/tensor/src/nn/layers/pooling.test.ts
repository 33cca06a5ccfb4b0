// Poolings beyond their goldens: special values, 16 bits, errors.

import { describe, expect, test } from "vitest";
import { autocast, ones, tensor } from "../../index.js";
import { AdaptiveAvgPool1d, AdaptiveMaxPool1d, AvgPool1d, functional, MaxPool1d } from "../index.js";
import { caught } from "../testing/errors.js";

test("the largest of a window with NaN is NaN, of −∞ is −∞", async () => {
  const x = tensor([[Number.NaN, 1, -Infinity, -Infinity, Infinity, 2]]);
  expect(await new MaxPool1d(2).forward(x).toArray()).toEqual([[Number.NaN, -Infinity, Infinity]]);
  expect(await new MaxPool1d(2, { padding: 1 }).forward(x).toArray()).toEqual([
    [Number.NaN, 1, Number.POSITIVE_INFINITY, 2],
  ]);
});

test("values of 16 bits stay so, in autocast too", async () => {
  const x = ones(2, 3, 8, { dtype: "bfloat16" });
  const layers = [
    new MaxPool1d(3, { stride: 1 }),
    new AvgPool1d(3, { padding: 1, ceilMode: true }),
    new AdaptiveMaxPool1d(1),
    new AdaptiveAvgPool1d(2),
  ];
  for (const layer of layers) {
    expect(layer.forward(x).dtype).toBe("bfloat16");
    expect(autocast("bfloat16", () => layer.forward(x)).dtype).toBe("bfloat16");
  }
});

describe("errors", () => {
  test.each([
    ["a kernel", () => new MaxPool1d(0), "argument", "MaxPool1d: kernelSize must be a positive integer, got 0"],
    [
      "padding of more than half",
      () => new AvgPool1d(3, { padding: 2 }),
      "argument",
      "AvgPool1d: padding must be an integer from 0 to 1, half a window, got 2",
    ],
    [
      "an option of the other",
      () => new AvgPool1d(3, { dilation: 2 } as never),
      "argument",
      "AvgPool1d: unknown option, got dilation, expected one of stride, padding, ceilMode, countIncludePad",
    ],
    [
      "a flag",
      () => new MaxPool1d(3, { ceilMode: 1 as never }),
      "argument",
      "MaxPool1d: ceilMode must be true or false, got 1",
    ],
    [
      "no length",
      () => functional.maxPool1d(ones(3), 1),
      "shape",
      "maxPool1d: the input has the wrong shape, got [3], expected [any, any, any]",
    ],
    [
      "too short a sequence",
      () => new MaxPool1d(3).forward(ones(1, 2, 2)),
      "shape",
      "maxPool1d: the padded input is shorter than a window, got 2, expected at least 3",
    ],
    [
      "nothing to pool over",
      () => new AdaptiveMaxPool1d(1).forward(ones(1, 2, 0)),
      "shape",
      "adaptiveMaxPool1d: has no value over an empty axis, got [1, 2, 0]",
    ],
    [
      "an output size",
      () => new AdaptiveAvgPool1d(0.5),
      "argument",
      "AdaptiveAvgPool1d: outputSize must be a positive integer, got 0.5",
    ],
    [
      "ids",
      () => new AdaptiveAvgPool1d(1).forward(ones(1, 2, 3, { dtype: "int32" })),
      "dtype",
      "adaptiveAvgPool1d: the input must be floating, got int32, expected float32 or float64",
    ],
  ])("%s", (_, fn, code, message) => {
    const error = caught(fn);
    expect([error.code, error.message]).toEqual([code, message]);
  });
});
