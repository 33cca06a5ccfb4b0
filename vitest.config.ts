// One configuration for every package: tests run from the TypeScript sources, never from a build.
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const conditions = ["@torchium/source"];

export default defineConfig({
  resolve: { conditions: [...conditions, "module", "import", "default"] },
  ssr: { resolve: { conditions: [...conditions, "module", "node", "import", "default"] } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts", "scripts/**/*.test.ts", "tests/**/*.test.ts"],
    // vitest leaves one processor free: on two that halves the rate.
    maxWorkers: availableParallelism(),
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
