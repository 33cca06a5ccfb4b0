// Every optimizer reaches the bottom of a bowl and of Rosenbrock's valley.

import { tensor } from "@torchium/tensor";
import { describe, expect, it } from "vitest";
import { createOptimizer } from "../registry.js";
import { LambdaLR } from "../schedules/lambda-lr.js";
import { type Problem, quadratic, rosenbrock, rows } from "../testing/problems.js";

async function solve(
  name: string,
  problem: Problem,
  options: Readonly<Record<string, unknown>>,
  steps: number,
  decay: boolean,
) {
  const x = tensor([...problem.start], { requiresGrad: true });
  const optimizer = createOptimizer(name, [x], options);
  const schedule = new LambdaLR(optimizer, (t) => (decay ? (1 - t / steps) ** 2 : 1));
  for (let t = 0; t < steps; t++) {
    optimizer.zeroGrad();
    problem.loss(x).backward();
    optimizer.step();
    schedule.step();
  }
  return problem.loss(x).item();
}

describe.each(rows)("$name", ({ name, needsDecay = false, valleyLoss = 1e-2, ...options }) => {
  it("finds the bottom of a quadratic", async () => {
    expect(await solve(name, quadratic, options.quadratic, 300, needsDecay)).toBeLessThan(1e-4);
  });

  it("finds the bottom of Rosenbrock's valley", async () => {
    expect(await solve(name, rosenbrock, options.rosenbrock, 1200, needsDecay)).toBeLessThan(valleyLoss);
  });
});
