// The suite as tests of a framework that has describe, it, beforeAll and afterAll: vitest, jest, node:test's shims.

import { levels } from "./case.js";
import { type ConformanceOptions, ConformanceSession, type ConformanceTarget, chooseCases } from "./run-conformance.js";

/** What a test may be told while it runs. */
type TestContext = { readonly skip?: (note?: string) => unknown };

/** The functions of a test framework that the suite calls; the module `vitest` fits. */
export type TestFramework = {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: (context: TestContext) => Promise<void>) => unknown;
  readonly beforeAll: (body: () => Promise<void>) => unknown;
  readonly afterAll: (body: () => Promise<void> | undefined) => unknown;
};

/**
 * Registers one test a case: `import * as vitest from "vitest"; describeConformance(vitest, { name, createBackend })`.
 * What the backend does not offer is skipped where the framework can skip from inside a test.
 */
export function describeConformance(
  framework: TestFramework,
  target: ConformanceTarget,
  options: ConformanceOptions = {},
): void {
  const { describe, it, beforeAll, afterAll } = framework;
  const cases = chooseCases(target, options);
  describe(`conformance of ${target.name}`, () => {
    let session: ConformanceSession;
    beforeAll(async () => {
      session = await ConformanceSession.open(target, options);
    });
    afterAll(() => session?.close());
    for (const level of levels) {
      const own = cases.filter((c) => c.level === level);
      if (own.length === 0) continue;
      describe(level, () => {
        for (const one of own) {
          it(one.name, async (context) => {
            const { outcome, message } = await session.run(one);
            if (outcome === "failed") throw new Error(message);
            if (outcome === "not-offered") context?.skip?.(message);
          });
        }
      });
    }
  });
}
