// What PyTorch computed, from packages/losses/goldens (the format is described in scripts/goldens/README.md).

import { readFileSync } from "node:fs";
import { type Tensor, tensor } from "@torchium/tensor";
import { expect } from "vitest";

/** An array of a golden file. */
export type Golden = {
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32" | "bool";
  readonly data: readonly (number | "nan" | "inf" | "-inf")[];
  /** The largest difference between PyTorch in float32 and in float64. */
  readonly float32Error?: number;
};

/** One case of a golden file. */
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

/** The cases of `goldens/{area}.json`. */
export function goldenCases(area: string): readonly GoldenCase[] {
  const url = new URL(`../../goldens/${area}.json`, import.meta.url);
  return (JSON.parse(readFileSync(url, "utf8")) as { readonly cases: readonly GoldenCase[] }).cases;
}

const words = { nan: Number.NaN, inf: Number.POSITIVE_INFINITY, "-inf": Number.NEGATIVE_INFINITY };
const valuesOf = ({ data }: Golden): number[] => data.map((x) => (typeof x === "string" ? words[x] : x));

/** The float dtypes that goldens are compared in. */
export type FloatType = "float32" | "float64";

/** An array of a golden file as a tensor; floats in `type`. */
export function goldenTensor(golden: Golden, type: FloatType, requiresGrad = false): Tensor {
  const values = valuesOf(golden);
  if (golden.dtype !== "float32") {
    return tensor(Float64Array.from(values), { shape: golden.shape, dtype: golden.dtype });
  }
  const exact = Float64Array.from(values, Math.fround);
  return tensor(exact, { shape: golden.shape, dtype: type, requiresGrad });
}

/** Expects `got` to be as near as PyTorch's own float32 is, within a factor of 8 and a few units in the last place. */
export async function expectGolden(
  what: string,
  got: Tensor | undefined,
  golden: Golden,
  type: FloatType,
): Promise<void> {
  expect(got?.shape, `${what}: shape`).toEqual(golden.shape);
  const expected = valuesOf(golden);
  const largest = Math.max(0, ...expected.filter(Number.isFinite).map(Math.abs));
  const tolerance = type === "float32" ? 8 * (golden.float32Error ?? 0) + 5e-7 * largest : 1e-8 * largest + 1e-12;
  (await got!.data()).forEach((x, i) => {
    const target = expected[i]!;
    const near = Object.is(x, target) || x === target || Math.abs(x - target) <= tolerance;
    if (!near) expect.fail(`${what}[${i}]: got ${x}, expected ${target} ± ${tolerance}`);
  });
}
