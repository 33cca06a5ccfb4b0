import { describeConformance } from "@torchium/backend-conformance";
import * as vitest from "vitest";
import { createWebGpuBackend, WebGpuBackend } from "./index.js";
import { findTestAdapter, testAdapter } from "./testing/adapter.js";
import { inOneBuffer } from "./testing/one-buffer.js";

// Compiling takes a software adapter far longer than running.
vitest.vi.setConfig({ testTimeout: 300_000 });

const createBackend = async () => createWebGpuBackend({ adapter: await testAdapter() });

if (await findTestAdapter()) {
  describeConformance(vitest, { name: "the WebGPU backend", createBackend });
  describeConformance(
    vitest,
    {
      // Asked for nothing, an adapter gives no subgroups and eight buffers; barriers are taken to be cheap then, as on GPUs.
      name: "the WebGPU backend on the least of devices, with everything in one buffer",
      createBackend: async () => inOneBuffer(new WebGpuBackend(await (await testAdapter()).requestDevice()), 2 ** 24),
    },
    {
      cases: [
        "layouts/lengths of maps",
        "layouts/lengths of rows",
        "layouts/scattered roles",
        "layouts/scattered halves",
        "layouts/lengths of halves",
        "layouts/long rows",
        "programs/softmax",
        "programs/layer norm",
        "programs/gradients of a layer norm",
        "programs/cross entropy",
        "programs/reductions of what a row shares",
        "anchors/matmul of large sizes",
        "anchors/matmul in batches",
        "anchors/matmul of float16",
        "anchors/gather",
        "anchors/scatterAdd",
        "anchors/scan",
        "anchors/sort",
        "anchors/attention",
        "anchors/attention that is causal",
        "anchors/attention's gradient",
        "anchors/attention's gradient that is causal",
      ],
    },
  );
} else {
  vitest.describe.skip("conformance of the WebGPU backend: no WebGPU adapter was found", () => {
    vitest.it("needs an adapter", () => {});
  });
}
