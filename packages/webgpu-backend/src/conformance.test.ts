import { describeConformance } from "@torchium/backend-conformance";
import * as vitest from "vitest";
import { createWebGpuBackend } from "./index.js";
import { hasAdapter } from "./testing/adapter.js";
import { inOneBuffer } from "./testing/one-buffer.js";

// Compiling takes a software adapter far longer than running.
vitest.vi.setConfig({ testTimeout: 300_000 });

if (await hasAdapter()) {
  describeConformance(vitest, { name: "the WebGPU backend", createBackend: () => createWebGpuBackend() });
  describeConformance(
    vitest,
    {
      name: "the WebGPU backend with everything in one buffer",
      createBackend: async () => inOneBuffer(await createWebGpuBackend(), 2 ** 24),
    },
    {
      cases: [
        "layouts/lengths of maps",
        "layouts/long rows",
        "programs/softmax",
        "programs/layer norm",
        "programs/gradients of a layer norm",
        "programs/cross entropy",
        "programs/reductions of what a row shares",
        "anchors/matmul in batches",
        "anchors/gather",
        "anchors/scatterAdd",
        "anchors/scan",
      ],
    },
  );
} else {
  vitest.describe.skip("conformance of the WebGPU backend: no WebGPU adapter was found", () => {
    vitest.it("needs an adapter", () => {});
  });
}
