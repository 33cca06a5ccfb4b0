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
  "a part of a long row left out": {
    from: "p < P.parts",
    to: "p < P.parts - 1",
    foundBy: "layouts/very long rows",
  },
  "the end of a part left out": {
    from: "l < end",
    to: "l < end - 4",
    foundBy: "layouts/very long rows",
  },
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
  "attention: no barrier before the weights are read": {
    from: "      __syncthreads();\n      for (int k = 0; k < 32; k++) {\n#pragma unroll\n        for (int i = 0; i < 4; i++)\n#pragma unroll\n          for",
    to: "      for (int k = 0; k < 32; k++) {\n#pragma unroll\n        for (int i = 0; i < 4; i++)\n#pragma unroll\n          for",
    foundBy: "anchors/attention",
  },
  "attention: a maximum of some threads only": {
    from: "int d = 8; d > 0",
    to: "int d = 4; d > 0",
    foundBy: "anchors/attention",
  },
  "attention: what was summed does not shrink": {
    from: "for (float& x : sum[i]) x *= shrink;",
    to: "",
    foundBy: "anchors/attention",
  },
  "attention: a tile is not waited for": {
    from: "wait_copies<1>()",
    to: "wait_copies<2>()",
    foundBy: "anchors/attention of bfloat16",
  },
  "attention: the last tile is not waited for": {
    from: "    } else {\n      wait_copies<0>();",
    to: "    } else {\n      wait_copies<1>();",
    foundBy: "anchors/attention of bfloat16",
  },
  "attention: no barrier after a tile came": {
    from: "    __syncthreads();\n    const unsigned short* const tileB",
    to: "    const unsigned short* const tileB",
    foundBy: "anchors/attention of bfloat16",
  },
  "attention: no barrier before a tile is loaded over": {
    from: "    __syncthreads();\n  }\n  EACH(m, M) EACH(h, 2) {\n    total",
    to: "  }\n  EACH(m, M) EACH(h, 2) {\n    total",
    foundBy: "anchors/attention of bfloat16",
  },
  "attention: keys that are not there": {
    from: "start + N > others ||",
    to: "start + N > others + 1 ||",
    foundBy: "anchors/attention of bfloat16",
  },
  "attention: a query that sees the key after it": {
    from: "column <= row",
    to: "column <= row + 1",
    foundBy: "anchors/attention of bfloat16 that is causal",
  },
  "attention: the edge of the mask one tile too late": {
    from: "start + N - 1 > row0",
    to: "start > row0",
    foundBy: "anchors/attention of bfloat16 that is causal",
  },
  "attention: rows as far apart as columns": {
    from: "dRow = P.dStride[2]",
    to: "dRow = P.dStride[3]",
    foundBy: "anchors/attention's gradient",
  },
  "attention: the head of another batch": {
    from: "cAt += i * P.cStride[axis];",
    to: "cAt += i * P.aStride[axis];",
    foundBy: "anchors/attention's gradient",
  },
  "attention: a tile of queries left out": {
    from: "causal ? row0 / 64 * 64 : 0",
    to: "causal ? row0 / 64 * 64 + 64 : 0",
    foundBy: "anchors/attention's gradient that is causal",
  },
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
