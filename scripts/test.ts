// `npm test`: builds the packages, then runs every test; arguments go to vitest.
// The counts are left in .cache/test-results.json for continuous integration.
import { passedOn } from "./lib/command-line.js";
import { buildPackages, runNode, toolScript } from "./lib/tools.js";

const args = passedOn({ name: "test", about: "Builds the packages, then runs the tests.", tool: "vitest" });
const results = ".cache/test-results.json";

const built = await buildPackages();
if (built.exitCode !== 0) process.exit(built.exitCode);

const reports = ["--reporter=default", "--reporter=json", `--outputFile.json=${results}`];
const tested = await runNode(toolScript("vitest", "vitest"), ["run", ...reports, ...args]);
process.exitCode = tested.exitCode;
