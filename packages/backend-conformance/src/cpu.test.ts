import * as vitest from "vitest";
import { createCpuBackend } from "../../tensor/src/cpu/backend.js";
import { describeConformance } from "./describe-conformance.js";

for (const threads of [1, 2, 3]) {
  describeConformance(vitest, {
    name: `the CPU backend on ${threads} threads`,
    createBackend: () => createCpuBackend({ threads, limitBytes: 2 ** 28 }),
  });
}
