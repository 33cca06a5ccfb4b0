// `npm run gpu:check`: everything that can be said about the CUDA backend on this machine's GPU, in one run: versions,
// the conformance suite, faults in processes of their own, and speeds, beside PyTorch's where `python3`, or the Python that
// TORCH_PYTHON names, has it. Writes docs/benchmarks/DATE-cuda-GPU.{json,md}.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runConformance } from "@torchium/backend-conformance";
import { type CudaVersions, createCudaBackend, isCudaAvailable } from "../packages/cuda-backend/src/index.js";
import { runChild } from "./gpu-check/child.js";
import { causeFault, checkFaults, type FaultName } from "./gpu-check/faults.js";
import { measureTraining } from "./gpu-check/gpt.js";
import { measure, type Speed } from "./gpu-check/measure.js";
import { packCheck, packedProgram } from "./gpu-check/pack.js";
import { measurePyTorch } from "./gpu-check/pytorch.js";
import { type Conformance, type GpuReport, markdownOf, type Part } from "./gpu-check/report.js";
import { readCommandLine } from "./lib/command-line.js";
import { root } from "./lib/repository.js";

const { values: options } = readCommandLine({
  name: "gpu:check",
  about:
    "Everything that can be said about the CUDA backend on this machine's GPU; writes a report to docs/benchmarks.",
  options: {
    small: {
      type: "boolean",
      default: false,
      help: "tiny sizes and few cases, writes nothing unless a folder is given",
    },
    out: { type: "string", value: "DIR", help: "where the report is written" },
    pack: { type: "string", value: "DIR", help: "only write the check for a machine that has Node and nothing else" },
    effort: { type: "string", value: "X", help: "share of the conformance suite's random cases, such as 0.3" },
    // Runs as a child: one part, or one that is meant to fail.
    part: { type: "string" },
    fault: { type: "string" },
  },
});

/** Memory for the conformance suite: enough for its largest case. */
const conformanceBytes = 2 ** 28;
const { small } = options;

async function conformance(): Promise<Conformance> {
  const createBackend = () => createCudaBackend({ memoryLimit: conformanceBytes });
  const effort = options.effort === undefined ? {} : { effort: Number(options.effort) };
  const chosen = small ? ({ levels: ["memory", "launches", "randomness"], effort: 0.1 } as const) : effort;
  const cases = await runConformance({ name: "cuda", createBackend }, chosen);
  const failed = cases.filter((c) => c.outcome === "failed");
  for (const { message } of failed) console.error(message);
  return { passed: cases.length - failed.length, failed: failed.map((c) => c.name) };
}

async function speeds(): Promise<readonly Speed[]> {
  const backend = await createCudaBackend();
  const measured = await measure(backend, small);
  backend.dispose();
  return measured;
}

async function versions(): Promise<CudaVersions> {
  const backend = await createCudaBackend();
  const found = backend.versions;
  backend.dispose();
  return found;
}

/** What runs in a process of its own and prints its result, as the last line, in JSON. */
const parts = { versions, conformance, speeds, training: () => measureTraining(small) } as const;
type Parts = typeof parts;
type PartName = keyof Parts;

/** Runs a part in a child; gives its result, or why there is none. */
function runPart<P extends PartName>(name: P): Part<Awaited<ReturnType<Parts[P]>>> {
  const effort = options.effort === undefined ? [] : ["--effort", options.effort];
  const { status, stdout, error } = runChild(["--part", name, ...effort, ...(small ? ["--small"] : [])]);
  const last = stdout?.trim().split("\n").at(-1) ?? "";
  if (status !== 0) return { failure: error?.message ?? `the part ended with exit code ${status}: ${last}` };
  return { value: JSON.parse(last) as Awaited<ReturnType<Parts[P]>> };
}

async function main(): Promise<number> {
  const { available, reason } = await isCudaAvailable();
  console.log(available ? `GPU: ${reason}` : `no GPU can be used here, so nothing was run:\n${reason}`);
  if (!available) return 2;
  const found = runPart("versions");
  if (!found.value) {
    console.log(found.failure);
    return 1;
  }
  const tell = <T>(name: string, value: T): T => {
    console.log(`${name}: ${JSON.stringify(value).slice(0, 400)}`);
    return value;
  };
  const report: GpuReport = {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    versions: found.value,
    conformance: tell("conformance", runPart("conformance")),
    faults: tell("faults", checkFaults()),
    speeds: tell("speeds", runPart("speeds")),
    training: tell("training", runPart("training")),
    pytorch: tell("PyTorch", measurePyTorch(small)),
  };
  const markdown = markdownOf(report);
  console.log(markdown);
  const usual = packedProgram() === undefined ? join(root, "docs", "benchmarks") : ".";
  const folder = options.out ?? (small ? undefined : usual);
  if (folder !== undefined) {
    const slug = report.versions.gpu.toLowerCase().replace(/[^a-z0-9]+/g, "-");
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `${report.date}-cuda-${slug}`);
    writeFileSync(`${path}.json`, `${JSON.stringify(report, undefined, 2)}\n`);
    writeFileSync(`${path}.md`, markdown);
    console.log(`written: ${path}.md`);
  }
  const sound = report.conformance.value?.failed.length === 0 && report.faults.every((f) => f.passed);
  return sound && report.speeds.value && report.training.value ? 0 : 1;
}

async function runHere(name: string): Promise<number> {
  if (!Object.hasOwn(parts, name))
    throw new Error(`no part is named ${name}; there are: ${Object.keys(parts).join(", ")}`);
  console.log(JSON.stringify(await parts[name as PartName]()));
  return 0;
}

const { pack, part, fault } = options;
if (pack !== undefined) console.log(`written: ${await packCheck(pack)}`);
else if (part !== undefined) process.exitCode = await runHere(part);
else process.exitCode = fault === undefined ? await main() : await causeFault(fault as FaultName);
