// The report of a GPU check: data, and Markdown for people.
import type { CudaVersions } from "../../packages/cuda-backend/src/index.js";
import type { FaultResult } from "./faults.js";
import type { Speed } from "./measure.js";
import type { PyTorchTimes } from "./pytorch.js";

/** Everything that one run found. */
export interface GpuReport {
  readonly date: string;
  readonly node: string;
  readonly versions: CudaVersions;
  readonly conformance: { readonly passed: number; readonly failed: readonly string[] };
  readonly faults: readonly FaultResult[];
  readonly speeds: readonly Speed[];
  readonly pytorch: PyTorchTimes;
}

const number = (value: number | undefined, digits: number): string =>
  value === undefined ? "" : value.toFixed(digits);
const percent = (value: number | undefined): string => (value === undefined ? "" : `${(100 * value).toFixed(0)} %`);

/** The report as Markdown. */
export function markdownOf({ date, node, versions, conformance, faults, speeds, pytorch }: GpuReport): string {
  const lines = speeds.map(({ name, milliseconds, gigabytesPerSecond, shareOfCopy, gigaflops }) => {
    const theirs = pytorch.milliseconds[name];
    const ratio = theirs === undefined ? "" : `${(theirs / milliseconds).toFixed(2)}×`;
    const cells = [
      name,
      number(milliseconds, 4),
      number(gigabytesPerSecond, 0),
      percent(shareOfCopy),
      number(gigaflops, 0),
    ];
    return `| ${[...cells, number(theirs, 4), ratio].join(" | ")} |`;
  });
  const memory = (versions.memoryBytes / 2 ** 30).toFixed(0);
  return [
    `# CUDA backend on ${versions.gpu}, ${date}`,
    "",
    `Compute capability ${versions.capability}, ${versions.multiprocessors} multiprocessors, ${memory} GiB; driver for CUDA ` +
      `${versions.driver}, NVRTC ${versions.nvrtc}, cuBLASLt ${versions.cublasLt}, Node ${node}.`,
    `PyTorch: ${pytorch.version ?? `not measured (${pytorch.missing})`}.`,
    "",
    `Conformance: ${conformance.passed} cases passed or not offered, ${conformance.failed.length} failed` +
      `${conformance.failed.length === 0 ? "" : `: ${conformance.failed.join(", ")}`}.`,
    ...faults.map(({ name, passed, detail }) => `Fault ${name}: ${passed ? "as it should" : "wrong"} (${detail}).`),
    "",
    "Times are the GPU's own, the best of ten rounds of five launches. Float32 throughout.",
    "",
    "| work | ms | GB/s | of a copy | GFLOP/s | PyTorch ms | PyTorch ÷ ours |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...lines,
    "",
  ].join("\n");
}
