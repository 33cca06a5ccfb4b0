// Continuous integration must never call a broken run a success.
import { expect, test } from "vitest";
import { summarize } from "../scripts/summarize.mjs";

const file = (status: string, ...tests: readonly string[]) => ({
  status,
  assertionResults: tests.map((one) => ({ status: one })),
});
const green = { numPassedTests: 5, numFailedTests: 0, testResults: [file("passed", "passed")] };
const red = {
  numPassedTests: 3,
  numFailedTests: 2,
  testResults: [file("failed", "failed", "failed"), file("failed", "passed"), file("failed")],
};
const noChecks = { failed: [] };

test.each([
  ["all is well", { exitCode: 0, report: green }, { exitCode: 0, report: noChecks }, 5, 0],
  ["tests fail, two files do not load", { exitCode: 1, report: red }, { exitCode: 0, report: noChecks }, 3, 4],
  ["checks fail", { exitCode: 0, report: green }, { exitCode: 1, report: { failed: ["types", "attw"] } }, 5, 2],
  ["vitest fails after green tests", { exitCode: 1, report: green }, { exitCode: 0, report: noChecks }, 5, 1],
  ["nothing was installed", { exitCode: 1, report: undefined }, { exitCode: 1, report: undefined }, 0, 2],
  ["a command left no report", { exitCode: 0, report: undefined }, { exitCode: 0, report: undefined }, 0, 2],
])("%s", (_, tests, checks, passed, failed) => {
  expect(summarize(tests, checks)).toEqual({ passed, failed });
});
