// Faults planted in kernels: each must be found by a case of the conformance suite, or the emulator would be blind.

import { type ConformanceOptions, runConformance } from "@torchium/backend-conformance";
import { expect, it } from "vitest";
import { memoryLimit } from "./testing/conformance.js";
import { describeOnEmulator } from "./testing/describe-on-emulator.js";

type Fault = {
  readonly from: string;
  readonly to: string;
  readonly foundBy: NonNullable<ConformanceOptions["cases"]>[number];
};

const faults: Readonly<Record<string, Fault>> = {
  "no barrier before what other warps wrote is read": {
    from: "__syncthreads();\n      const int first",
    to: "const int first",
    foundBy: "layouts/long rows",
  },
  "no barrier before shared memory is written again": {
    from: "other); }\n      }\n      __syncthreads();",
    to: "other); }\n      }",
    foundBy: "layouts/long rows",
  },
  "no barrier between the two steps of a sum over rows": {
    from: "__syncthreads();\n  if (share > 0",
    to: "if (share > 0",
    foundBy: "layouts/classes of sums over rows",
  },
  "no barrier after a tile was loaded": {
    from: "      __syncthreads();\n      for (int kk",
    to: "      for (int kk",
    foundBy: "anchors/matmul of large sizes",
  },
  "no barrier before a tile is loaded again": {
    from: "      }\n      __syncthreads();\n    }\n    for (int i",
    to: "      }\n    }\n    for (int i",
    foundBy: "anchors/matmul of large sizes",
  },
  "a map that goes one too far": { from: "at >= P.count", to: "at > P.count", foundBy: "layouts/classes of maps" },
  "a vector at the end of a map": { from: "left >= 4", to: "left >= 3", foundBy: "layouts/lengths of maps" },
  "rows that are not there": { from: "asked < P.rows", to: "asked <= P.rows", foundBy: "layouts/counts of rows" },
  "a row without its last element": { from: "l < length", to: "l < length - 1", foundBy: "layouts/lengths of rows" },
  "the stride of another axis": { from: "P.stride1[1]", to: "P.stride1[0]", foundBy: "layouts/classes of rows" },
  "a shuffle too few": { from: "/ 2; d > 0;", to: "/ 2; d > 1;", foundBy: "layouts/lengths of rows" },
  "sums of too few rows": { from: "first + n;", to: "first + n + 1;", foundBy: "layouts/many rows" },
  "columns of a product that are not there": {
    from: "row < M && column < N",
    to: "row < M && column <= N",
    foundBy: "anchors/matmul of small sizes",
  },
  "an id just outside": { from: "id < P.tableRows", to: "id <= P.tableRows", foundBy: "anchors/gather outside" },
  "every row adds itself": { from: "if (earlier) return;", to: "", foundBy: "anchors/scatterAdd" },
  "a carry that is lost": { from: "carry = total;", to: "carry = sums[0];", foundBy: "anchors/scan" },
};

describeOnEmulator("planted faults are found", (emulator) => {
  it.each(Object.entries(faults))("%s", async (_, { from, to, foundBy }) => {
    const before = emulator.get("mutations");
    emulator.mutate(from, to);
    const createBackend = () => emulator.backend({ memoryLimit, cacheDirectory: null, cublasLt: false });
    const results = await runConformance(
      { name: "a faulty backend", createBackend },
      { cases: [foundBy], effort: 0.3 },
    );
    emulator.mutate("", "");
    emulator.set("revive", 1);
    expect(emulator.get("mutations"), "the fault was planted nowhere").toBeGreaterThan(before);
    expect(results.map((r) => r.outcome)).toEqual(["failed"]);
  });
});
