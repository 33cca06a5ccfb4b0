// The suite is worth what it catches: each broken backend has one fault, and the case named beside it must find it by
// what comes back, not by a crash.

import { type DType, isFloat, type ScalarOp, scalarOps } from "@torchium/tensor/backend";
import { createReferenceBackend, float64Arithmetic } from "@torchium/tensor/reference";
import * as vitest from "vitest";
import { conformanceCases } from "../all-cases.js";
import { describeConformance } from "../describe-conformance.js";
import { runConformance } from "../run-conformance.js";
import { deviceFaults } from "./device-faults.js";
import { kernelFaults } from "./kernel-faults.js";
import { brokenScalars, roundingArithmetic } from "./mutations.js";

const { describe, expect, it } = vitest;

describe("a backend with a fault is found", () => {
  it.each(Object.entries({ ...kernelFaults, ...deviceFaults }))("%s", async (name, { make, foundBy }) => {
    const [result] = await runConformance({ name, createBackend: make }, { cases: [foundBy] });
    expect(result).toMatchObject({ name: foundBy, outcome: "failed" });
    expect(result!.message).not.toMatch(/internal:/);
  });
});

describe("every scalar case is alive", () => {
  const wrongBy = (type: DType, right: number): number => {
    if (type === "bool") return 1 - right;
    return isFloat(type) ? right * (1 + 2 ** -16) + 1e-4 : float64Arithmetic.apply("xor", type, type, [right, 1]);
  };
  it.each(Object.keys(scalarOps) as ScalarOp[])("%s", async (op) => {
    const own = conformanceCases.filter((c) => c.name.startsWith(`scalars/${op}/`)).map((c) => c.name);
    expect(own.length).toBeGreaterThan(0);
    const createBackend = brokenScalars((at, type, _, right) => (at === op ? () => wrongBy(type, right) : undefined));
    const results = await runConformance({ name: op, createBackend }, { cases: own });
    expect(results.filter((r) => r.outcome !== "failed").map((r) => r.name)).toEqual([]);
  });
});

// A device that rounds as hardware does, and adds in another order, is right.
describeConformance(
  vitest,
  {
    name: "a rounding device",
    createBackend: () => createReferenceBackend({ limitBytes: 2 ** 28, arithmetic: roundingArithmetic }),
  },
  { levels: ["scalars", "layouts", "programs"] },
);
