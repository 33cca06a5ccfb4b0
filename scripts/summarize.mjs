// Prints "N passed, N failed" for continuous integration: vitest's counts, and each failed check as a failure.
// usage: node scripts/summarize.mjs EXIT_CODE_OF_TESTS EXIT_CODE_OF_CHECKS, after `npm test` and `npm run check`.
// What fell over without leaving a count is one failure: a run that did not finish never looks like a success.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * vitest's JSON report, as far as it is counted.
 * @typedef {{ status: string, assertionResults: readonly { status: string }[] }} TestFile
 * @typedef {{ numPassedTests: number, numFailedTests: number, testResults: readonly TestFile[] }} TestReport
 */

/**
 * What passed and failed; a report is undefined when its command left none.
 * @param {{ exitCode: number, report: TestReport | undefined }} tests
 * @param {{ exitCode: number, report: { failed: readonly string[] } | undefined }} checks
 */
export function summarize(tests, checks) {
  // A file that could not even be loaded has no failed test to show for it.
  const brokenFiles = (tests.report?.testResults ?? []).filter(
    (file) => file.status === "failed" && !file.assertionResults.some((one) => one.status === "failed"),
  );
  const failedTests = (tests.report?.numFailedTests ?? 0) + brokenFiles.length;
  const failedChecks = checks.report?.failed.length ?? 0;
  return {
    passed: tests.report?.numPassedTests ?? 0,
    failed:
      Math.max(failedTests, tests.exitCode === 0 && tests.report ? 0 : 1) +
      Math.max(failedChecks, checks.exitCode === 0 && checks.report ? 0 : 1),
  };
}

/** @param {string} name */
function readReport(name) {
  try {
    return JSON.parse(readFileSync(new URL(`../.cache/${name}`, import.meta.url), "utf8"));
  } catch {
    return undefined;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [tests, checks] = process.argv.slice(2).map(Number);
  const { passed, failed } = summarize(
    { exitCode: tests ?? 1, report: readReport("test-results.json") },
    { exitCode: checks ?? 1, report: readReport("check-results.json") },
  );
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
