// Reads the PyTorch goldens and compares tensors with them, by the rule: within 8 times PyTorch's own float32 error
// plus a few ulp of the largest magnitude.

import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { fromTypedArray } from "../creation.js";
import { type DType, makeData } from "../dtype.js";
import type { Device } from "../graph/device.js";
import type { Tensor } from "../tensor.js";

/** An array in a golden file. */
export type Golden = {
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32" | "bool";
  readonly data: readonly (number | "nan" | "inf" | "-inf")[];
  readonly float32Error?: number;
};

/** One record of a golden file. */
export type GoldenCase = {
  readonly name: string;
  readonly op: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly inputs: Readonly<Record<string, Golden>>;
  readonly stateDict?: Readonly<Record<string, Golden>>;
  readonly outputs: readonly Golden[];
  readonly outputGradients?: readonly (Golden | null)[];
  readonly gradients?: Readonly<Record<string, Golden>>;
  readonly parameterGradients?: Readonly<Record<string, Golden>>;
};

/** The cases of a golden file, named relative to the importing module's URL. */
export function readGoldens(path: string, from: string): readonly GoldenCase[] {
  return (JSON.parse(readFileSync(new URL(path, from), "utf8")) as { cases: GoldenCase[] }).cases;
}

const special = { nan: Number.NaN, inf: Number.POSITIVE_INFINITY, "-inf": Number.NEGATIVE_INFINITY } as const;
const numberOf = (x: number | keyof typeof special): number => (typeof x === "number" ? x : special[x]);

/** A tensor with a golden's exact values; floats in `float`. */
export function fromGolden(g: Golden, device: Device, float: "float32" | "float64", requiresGrad = false): Tensor {
  const dtype: DType = g.dtype === "float32" ? float : g.dtype;
  const data = makeData(dtype, g.data.length);
  g.data.forEach((x, i) => {
    data[i] = g.dtype === "float32" ? Math.fround(numberOf(x)) : numberOf(x);
  });
  return fromTypedArray(data, g.shape, { device, requiresGrad: requiresGrad && g.dtype === "float32" });
}

/** Asserts that a tensor equals a golden. @param ulps slack in units of the largest magnitude's float32 epsilon */
export async function expectGolden(actual: Tensor, g: Golden, what: string, ulps = 8): Promise<void> {
  expect(actual.shape, `${what}: shape`).toEqual(g.shape);
  const data = await actual.data();
  const finite = g.data.map(numberOf).filter(Number.isFinite);
  const largest = finite.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
  const exact = actual.dtype === "float64";
  // Goldens carry nine digits, so a float64 result is compared to those.
  const slack = exact
    ? 2e-8 * Math.max(largest, 1e-3)
    : 8 * (g.float32Error ?? 0) + ulps * 2 ** -23 * Math.max(largest, 1e-3);
  g.data.forEach((x, i) => {
    const want = numberOf(x);
    const got = data[i]!;
    const same = Number.isFinite(want) ? Math.abs(got - want) <= slack : Object.is(got, want);
    if (!same) expect.fail(`${what}: element ${i} is ${got}, expected ${want} within ${slack}`);
  });
}

/** Runs backward from the golden's upstream gradients and compares every gradient. */
export async function expectGradients(
  outputs: readonly Tensor[],
  c: GoldenCase,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<void> {
  if (!c.gradients || !c.outputGradients) return;
  const device = outputs[0]!.device;
  let total: Tensor | undefined;
  outputs.forEach((y, k) => {
    const g = c.outputGradients?.[k];
    if (!g || !y.requiresGrad) return;
    const part = y.mul(fromGolden(g, device, y.dtype as "float32" | "float64")).sum();
    total = total ? total.add(part) : part;
  });
  total?.backward();
  for (const [name, g] of Object.entries(c.gradients)) {
    const grad = inputs[name]!.grad;
    // An op with integer results records nothing, where PyTorch reports zeros.
    if (!grad)
      expect(
        g.data.every((x) => x === 0),
        `${c.name}: no gradient of ${name}`,
      ).toBe(true);
    else await expectGolden(grad, g, `${c.name}: gradient of ${name}`, 16);
  }
}
