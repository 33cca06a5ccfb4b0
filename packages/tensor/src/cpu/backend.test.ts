import { afterAll, describe, expect, it } from "vitest";
import { createReferenceBackend } from "../reference/backend.js";
import { seededNumbers } from "../reference/random-order.js";
import { type CpuBackend, createCpuBackend } from "./backend.js";
import { difference, runCase } from "./testing/launches.js";
import { randomCase } from "./testing/random-cases.js";

const reference = createReferenceBackend();
const configurations = [
  { threads: 1, relaxedSimd: false },
  { threads: 1 },
  { threads: 2, parallelNanoseconds: 0 },
  { threads: 3, parallelNanoseconds: 0 },
] as const;
const backends: CpuBackend[] = [];
afterAll(() => {
  for (const backend of backends) backend.dispose();
});

describe.each(configurations)("random programs with %o", (options) => {
  const wishes = [
    { type: "float32", reduces: false, sums: false },
    { type: "float32", reduces: true, sums: false },
    { type: "float32", reduces: true, sums: true },
    { type: "float32", reduces: false, sums: true },
    { type: "float64", reduces: true, sums: false },
    { type: "float64", reduces: false, sums: true },
  ] as const;

  it.each(wishes)("%o", async (wish) => {
    const backend = await createCpuBackend(options);
    backends.push(backend);
    for (let seed = 1; seed <= 40; seed++) {
      const test = randomCase(seededNumbers(seed), wish);
      const expected = runCase(reference, test);
      const actual = runCase(backend, test);
      const limit = wish.type === "float32" ? 1e-4 : 1e-5;
      expected.forEach((e, i) => {
        if (!e) return;
        expect(
          difference(actual[i]!, e),
          `seed ${seed}, operand ${i}, ${test.program.key} over ${test.space.sizes}`,
        ).toBeLessThan(limit);
      });
    }
    expect(backend.memory().liveBytes).toBe(0);
  });
});
