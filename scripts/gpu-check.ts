// `npm run gpu:check`: everything that can be said about the CUDA backend on this machine's GPU, in one run: versions,
// the conformance suite, faults in processes of their own, and speeds, beside PyTorch's where it is installed. Writes
// docs/benchmarks/DATE-cuda-GPU.{json,md}. Options: --out FOLDER; --small (tiny sizes and few cases, writes nothing unless
// a folder is given: to try the command itself); --pack FOLDER (a copy for a machine that has Node and nothing else).
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runConformance } from "@torchium/backend-conformance";
import { createCudaBackend, isCudaAvailable } from "../packages/cuda-backend/src/index.js";
import { causeFault, checkFaults, type FaultName } from "./gpu-check/faults.js";
import { measureTraining } from "./gpu-check/gpt.js";
import { measure } from "./gpu-check/measure.js";
import { packCheck, packedProgram } from "./gpu-check/pack.js";
import { measurePyTorch } from "./gpu-check/pytorch.js";
import { type GpuReport, markdownOf } from "./gpu-check/report.js";
import { root } from "./lib/repository.js";

const { values: options } = parseArgs({
  options: {
    small: { type: "boolean", default: false },
    out: { type: "string" },
    pack: { type: "string" },
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
  const cases = await runConformance(
    { name: "cuda", createBackend },
    options.small ? { levels: ["memory", "launches", "randomness"], effort: 0.1 } : {},
  );
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
  const training = await measureTraining(options.small);
  const report: GpuReport = {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    versions,
    conformance: { passed: cases.length - failed.length, failed: failed.map((c) => c.name) },
    faults,
    speeds,
    training,
    pytorch: measurePyTorch(options.small),
  };
  const markdown = markdownOf(report);
  console.log(markdown);
  const usual = packedProgram() === undefined ? join(root, "docs", "benchmarks") : ".";
  const folder = options.out ?? (options.small ? undefined : usual);
  if (folder !== undefined) {
    const slug = versions.gpu.toLowerCase().replace(/[^a-z0-9]+/g, "-");
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `${report.date}-cuda-${slug}`);
    writeFileSync(`${path}.json`, `${JSON.stringify(report, undefined, 2)}\n`);
    writeFileSync(`${path}.md`, markdown);
    console.log(`written: ${path}.md`);
  }
  return failed.length === 0 && faults.every((f) => f.passed) ? 0 : 1;
}

if (options.pack !== undefined) console.log(`written: ${await packCheck(options.pack)}`);
else process.exitCode = options.fault === undefined ? await main() : await causeFault(options.fault as FaultName);
