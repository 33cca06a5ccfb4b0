// The functions of nn against PyTorch: values and gradients, in float32 and float64, on every device.

import { describe, expect, test } from "vitest";
import type { Tensor } from "../../tensor.js";
import { testDevices } from "../../testing/devices.js";
import { expectGolden, expectGradients, fromGolden, type GoldenCase, readGoldens } from "../../testing/golden.js";
import * as f from "./index.js";

type Inputs = Readonly<Record<string, Tensor>>;
type Options = Readonly<Record<string, never>>;

const calls: Readonly<Record<string, (x: Inputs, o: Options) => Tensor>> = {
  adaptiveAvgPool1d: ({ input }, o) => f.adaptiveAvgPool1d(input!, o.outputSize),
  adaptiveMaxPool1d: ({ input }, o) => f.adaptiveMaxPool1d(input!, o.outputSize),
  avgPool1d: ({ input }, { kernelSize, ...o }) => f.avgPool1d(input!, kernelSize, o),
  maxPool1d: ({ input }, { kernelSize, ...o }) => f.maxPool1d(input!, kernelSize, o),
  batchNorm: ({ input, runningMean, runningVar, weight, bias }, o) =>
    f.batchNorm(input!, runningMean, runningVar, { ...o, weight: weight!, bias: bias! }),
  conv1d: ({ input, weight, bias }, o) => f.conv1d(input!, weight!, { ...o, bias: bias! }),
  crossEntropy: ({ input, target, weight }, o) => f.crossEntropy(input!, target!, { ...o, ...(weight && { weight }) }),
  elu: ({ input }, o) => f.elu(input!, o),
  glu: ({ input }, o) => f.glu(input!, o.dim),
  hardtanh: ({ input }, o) => f.hardtanh(input!, o),
  linear: ({ input, weight, bias }) => f.linear(input!, weight!, bias),
  embedding: ({ input, weight }) => f.embedding(input!, weight!),
  layerNorm: ({ input, weight, bias }, o) => f.layerNorm(input!, o.normalizedShape, { weight: weight!, bias: bias! }),
  scaledDotProductAttention: ({ query, key, value, attnMask }, o) =>
    f.scaledDotProductAttention(query!, key!, value!, { ...o, ...(attnMask && { attnMask }) }),
};

const cases: readonly GoldenCase[] = ["layers", "convolution"].flatMap((area) =>
  readGoldens(`../../../goldens/${area}.json`, import.meta.url).filter(({ op }) => /^[a-z]/.test(op)),
);

test("there is a call for every case", () => {
  expect(cases.length).toBeGreaterThan(10);
  expect(cases.filter(({ op }) => !(op in calls))).toEqual([]);
});

describe.each(Object.entries(testDevices))("on %s", (_, make) => {
  const device = make();
  describe.each(["float32", "float64"] as const)("%s", (float) => {
    test.each(cases.map((c) => [c.name, c] as const))("%s", async (_, c) => {
      const on = await device;
      const inputs = Object.fromEntries(
        Object.entries(c.inputs).map(([name, g]) => [name, fromGolden(g, on, float, name in (c.gradients ?? {}))]),
      );
      const y = calls[c.op]!(inputs, c.options as Options);
      await expectGolden(y, c.outputs[0]!, c.name);
      await expectGradients([y], c, inputs);
    });
  });
});
