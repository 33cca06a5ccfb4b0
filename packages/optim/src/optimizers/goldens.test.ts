// Ten steps of every optimizer against PyTorch (or the paper, in float64): same gradients, same trajectory.

import { replaceRowGradient, type Tensor, type TensorOptions, tensor } from "@torchium/tensor";
import { describe, expect, it } from "vitest";
import { availableOptimizers, createOptimizer } from "../registry.js";
import { expectNear, type Golden, numbersOf, optionsOf, readGoldens, tensorOf } from "../testing/goldens.js";

type SparseGradient = { readonly rows: Golden; readonly values: Golden };
type Problem = {
  readonly parameters: readonly Golden[];
  readonly gradients: readonly (readonly (Golden | SparseGradient | null)[])[];
};
type Case = {
  readonly name: string;
  readonly op: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly problem: string;
  readonly outputs: readonly Golden[];
};

const { problems, cases } = readGoldens<{ problems: Record<string, Problem>; cases: readonly Case[] }>("optimizers");

async function trajectory({ op, options, problem }: Case, tensorOptions: TensorOptions): Promise<number[][]> {
  const { parameters, gradients } = problems[problem]!;
  const leaves = parameters.map((p) => tensorOf(p, { ...tensorOptions, requiresGrad: true }));
  const { groups, ...shared } = optionsOf(options);
  const overrides = groups as readonly Record<string, unknown>[] | undefined;
  const given = overrides ? leaves.map((p, i) => ({ params: [p], ...overrides[i] })) : leaves;
  const optimizer = createOptimizer(op, given, shared);
  const seen: number[][] = leaves.map(() => []);
  for (const step of gradients) {
    optimizer.zeroGrad();
    leaves.forEach((p: Tensor, i) => {
      const g = step[i];
      if (!g) return;
      if ("rows" in g) {
        const indices = tensor(Int32Array.from(numbersOf(g.rows)));
        replaceRowGradient(p, indices, tensorOf(g.values, tensorOptions));
      } else p.grad = tensorOf(g, tensorOptions);
    });
    optimizer.step();
    for (const [i, p] of leaves.entries()) seen[i]!.push(...(await p.data()));
  }
  return seen;
}

describe.each(["float64", "float32"] as const)("trajectories in %s", (dtype) => {
  it.each(cases.map((c) => [c.name, c] as const))("%s", async (_, c) => {
    const seen = await trajectory(c, { dtype });
    c.outputs.forEach((golden, i) => expectNear(seen[i]!, golden, dtype, `parameter ${i}`));
  });
});

it("every optimizer that updates by a rule has a golden", () => {
  const covered = new Set(cases.map(({ op }) => op));
  expect(availableOptimizers().filter((name) => !covered.has(name))).toEqual(["PCGrad"]);
});
