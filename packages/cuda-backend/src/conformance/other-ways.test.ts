// Ways that the suite does not take by itself: addresses of 64 bits, the own matrix product, and other orders of threads.

import { conformOnEmulator } from "../testing/conformance.js";

conformOnEmulator(
  "the CUDA backend with 64-bit addresses",
  { levels: ["layouts", "anchors"], seed: 7 },
  {},
  { narrowLimit: 0 },
);

conformOnEmulator(
  "the CUDA backend with all rows cut into parts",
  { levels: ["programs", "layouts"], seed: 17, effort: 0.5 },
  {},
  { longBlock: 64 },
);

conformOnEmulator(
  "the CUDA backend on a GPU whose tensor cores are too old",
  {
    cases: [
      "anchors/attention of bfloat16 that is causal",
      "anchors/attention's gradient of bfloat16",
      "anchors/attention of float16",
      "anchors/attention's gradient of float16",
    ],
    seed: 13,
  },
  {},
  {},
  { major: 7, minor: 5 },
);

conformOnEmulator(
  "the CUDA backend without cuBLASLt",
  {
    cases: [
      "anchors/matmul of small sizes",
      "anchors/matmul of large sizes",
      "anchors/matmul in batches",
      "anchors/matmul of nothing",
      "anchors/matmul of float64",
      "anchors/matmul with epilogues",
    ],
    seed: 11,
  },
  { cublasLt: false },
);
