import { describe, expect, it } from "vitest";
import { documentOf, type FinishedRun } from "./report.js";
import { compare, standardError } from "./statistics.js";
import { type System, systems } from "./systems.js";

describe("compare", () => {
  it("takes the standard error of a mean from the sample's spread", () => {
    expect(standardError([1, 2, 3])).toBeCloseTo(1 / Math.sqrt(3), 12); // deviation 1, three values
    expect(standardError([5])).toBe(0);
  });

  it.each([
    ["lower", [2, 4], 3, "no worse"],
    ["lower", [6, 8], 3, "worse"],
    ["lower", [-2, 0], 3, "better"],
    ["higher", [6, 8], 3, "better"],
    ["higher", [-2, 0], 3, "worse"],
    ["higher", [1, 3], 3, "no worse"],
  ] as const)("%s is better: %j beside a mean of %d is %s", (better, ours, centre, verdict) => {
    // Both tables have a standard error of 1: the noise is 2 · √2.
    const { worseBy, allowed, verdict: got } = compare({ better, pytorch: [centre - 1, centre + 1] }, ours);
    expect(got).toBe(verdict);
    expect(allowed).toBeCloseTo(2 * Math.SQRT2, 12);
    expect(Math.abs(worseBy)).toBeCloseTo(Math.abs((ours[0] + ours[1]) / 2 - centre), 12);
  });
});

describe("the document", () => {
  const system: System = {
    example: "ner",
    data: "ner-danish",
    metrics: [{ part: "test", score: "f1", label: "F1", better: "higher", pytorch: [50, 52] }],
  };
  const run = (seed: number, f1: number): FinishedRun => ({
    seed,
    scores: { validation: {}, test: { f1 } },
    options: { data: "/some/where", seed, threads: 2, batch: 32 },
    facts: { vocabulary: 7 },
  });

  it("shows seeds, means and verdicts, and what was trained", () => {
    const text = documentOf([{ system, runs: [run(1, 50), run(2, 51)] }]);
    expect(text).toContain(
      "| ner | F1 | **50.50** (50.00, 51.00) | **51.00** (50.00, 52.00) | no worse (worse by 0.50, noise 2.24) |",
    );
    expect(text).toContain("- **ner**, ner-danish: batch 32, vocabulary 7\n");
    expect(text).not.toContain("/some/where");
  });

  it("says which seeds are missing, and names a run without its score", () => {
    expect(documentOf([{ system, runs: [] }])).toContain("| ner | F1 | not trained yet |");
    expect(documentOf([{ system, runs: [run(1, 50)] }])).toContain("1 of 2 seeds");
    const broken = { ...run(7, 0), scores: { validation: {}, test: {} } };
    expect(() => documentOf([{ system, runs: [broken] }])).toThrow("ner with seed 7 recorded no test score f1");
  });

  it("has a row for each of the eight", () => {
    expect(systems).toHaveLength(8);
    for (const { metrics } of systems) for (const { pytorch } of metrics) expect(pytorch).toHaveLength(3);
  });
});
