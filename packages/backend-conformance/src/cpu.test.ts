import * as vitest from "vitest";
import { createCpuBackend } from "../../tensor/src/cpu/backend.js";
import { loopLibrary } from "../../tensor/src/cpu/blas/testing/loops.js";
import { describeConformance } from "./describe-conformance.js";

const limitBytes = 2 ** 28;

describeConformance(vitest, { name: "the CPU backend", createBackend: () => createCpuBackend({ limitBytes }) });

// Every launch shared out, however small, so that the seams between threads are everywhere.
describeConformance(
  vitest,
  {
    name: "the CPU backend on three threads",
    createBackend: () => createCpuBackend({ threads: 3, parallelNanoseconds: 0, limitBytes }),
  },
  { levels: ["layouts", "programs", "launches", "anchors", "fusion"] },
);

describeConformance(
  vitest,
  {
    name: "the CPU backend on one thread with plain SIMD",
    createBackend: () => createCpuBackend({ threads: 1, relaxedSimd: false, limitBytes }),
  },
  { levels: ["scalars", "layouts", "programs", "anchors"] },
);

// Every product by a library that can: what is tested is the seam, not the library.
describeConformance(
  vitest,
  {
    name: "the CPU backend with a library of matrix products",
    createBackend: () =>
      createCpuBackend({ threads: 2, parallelNanoseconds: 0, limitBytes, blas: loopLibrary(1).blas }),
  },
  { levels: ["launches", "anchors"] },
);
