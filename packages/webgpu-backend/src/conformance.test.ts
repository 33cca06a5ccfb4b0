import { describeConformance } from "@torchium/backend-conformance";
import * as vitest from "vitest";
import { createWebGpuBackend } from "./index.js";
import { hasAdapter } from "./testing/adapter.js";

// Compiling takes a software adapter far longer than running.
vitest.vi.setConfig({ testTimeout: 300_000 });

if (await hasAdapter()) {
  describeConformance(vitest, { name: "the WebGPU backend", createBackend: () => createWebGpuBackend() });
} else {
  vitest.describe.skip("conformance of the WebGPU backend: no WebGPU adapter was found", () => {
    vitest.it("needs an adapter", () => {});
  });
}
