// `npm run gpu:check`: everything that can be said about the CUDA backend on this machine's GPU, in one run: versions,
// the conformance suite, faults in processes of their own, and speeds, beside PyTorch's where it is installed. Writes
// docs/benchmarks/DATE-cuda-GPU.{json,md}. Options: --small (tiny sizes, writes nothing: to try the command itself).
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runConformance } from "@torchium/backend-conformance";
import { createCudaBackend, isCudaAvailable } from "../packages/cuda-backend/src/index.js";
import { causeFault, checkFaults, type FaultName } from "./gpu-check/faults.js";
import { measure } from "./gpu-check/measure.js";
import { measurePyTorch } from "./gpu-check/pytorch.js";
import { type GpuReport, markdownOf } from "./gpu-check/report.js";
import { root } from "./lib/repository.js";

const { values: options } = parseArgs({
  options: {
    small: { type: "boolean", default: false },
    /** Runs as a child that is meant to fail. */
    fault: { type: "string" },
  },
});

/** Memory for the conformance suite: enough for its largest case. */
const conformanceBytes = 2 ** 28;

async function main(): Promise<number> {
  const { available, reason } = await isCudaAvailable();
  console.log(available ? `GPU: ${reason}` : `no GPU can be used here, so nothing was run:\n${reason}`);
  if (!available) return 2;

  const createBackend = () => createCudaBackend({ memoryLimit: conformanceBytes });
  const cases = await runConformance({ name: "cuda", createBackend });
  const failed = cases.filter((c) => c.outcome === "failed");
  for (const { message } of failed) console.log(message);
  console.log(`conformance: ${cases.length - failed.length} of ${cases.length} cases passed or not offered`);

  const faults = checkFaults();
  for (const { name, passed, detail } of faults)
    console.log(`fault ${name}: ${passed ? "as it should" : "WRONG"}: ${detail}`);

  const backend = await createCudaBackend();
  const { versions } = backend;
  const speeds = await measure(backend, options.small);
  backend.dispose();
  const report: GpuReport = {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    versions,
    conformance: { passed: cases.length - failed.length, failed: failed.map((c) => c.name) },
    faults,
    speeds,
    pytorch: measurePyTorch(options.small),
  };
  const markdown = markdownOf(report);
  console.log(markdown);
  if (!options.small) {
    const folder = join(root, "docs", "benchmarks");
    const slug = versions.gpu.toLowerCase().replace(/[^a-z0-9]+/g, "-");
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `${report.date}-cuda-${slug}`);
    writeFileSync(`${path}.json`, `${JSON.stringify(report, undefined, 2)}\n`);
    writeFileSync(`${path}.md`, markdown);
    console.log(`written: ${path}.md`);
  }
  return failed.length === 0 && faults.every((f) => f.passed) ? 0 : 1;
}

process.exitCode = options.fault === undefined ? await main() : await causeFault(options.fault as FaultName);
