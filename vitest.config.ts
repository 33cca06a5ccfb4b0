// One configuration for every package: tests run from the TypeScript sources, never from a build.
import { configDefaults, defineConfig } from "vitest/config";
import { gpuSuites, gpuSuitesWanted } from "./scripts/lib/gpu-suites.js";

const conditions = ["@torchium/source"];

export default defineConfig({
  resolve: { conditions: [...conditions, "module", "import", "default"] },
  ssr: { resolve: { conditions: [...conditions, "module", "node", "import", "default"] } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts", "scripts/**/*.test.ts", "tests/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...(gpuSuitesWanted ? [] : gpuSuites)],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
