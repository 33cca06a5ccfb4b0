// The report of a GPU check: data, and Markdown for people.
import type { CudaVersions } from "../../packages/cuda-backend/src/index.js";
import type { FaultResult } from "./faults.js";
import type { TrainingSpeed } from "./gpt.js";
import type { Speed } from "./measure.js";
import type { PyTorchTimes } from "./pytorch.js";

/** Cases that passed or were not offered, and names of those that failed. */
export interface Conformance {
  readonly passed: number;
  readonly failed: readonly string[];
}

/** What a part of the check found, or why it found nothing. */
export interface Part<T> {
  readonly value?: T;
  readonly failure?: string;
}

/** Everything that one run found. */
export interface GpuReport {
  readonly date: string;
  readonly node: string;
  readonly versions: CudaVersions;
  readonly conformance: Part<Conformance>;
  readonly faults: readonly FaultResult[];
  readonly speeds: Part<readonly Speed[]>;
  readonly training: Part<readonly TrainingSpeed[]>;
  readonly pytorch: PyTorchTimes;
}

const number = (value: number | undefined, digits: number): string =>
  value === undefined ? "" : value.toFixed(digits);
const percent = (value: number | undefined): string => (value === undefined ? "" : `${(100 * value).toFixed(0)} %`);

function conformanceLine({ value, failure }: Part<Conformance>): string {
  if (!value) return `Conformance: not run to its end (${failure}).`;
  const failed = value.failed.length === 0 ? "" : `: ${value.failed.join(", ")}`;
  return `Conformance: ${value.passed} cases passed or not offered, ${value.failed.length} failed${failed}.`;
}

const gibibytes = (bytes: number | undefined): string => number(bytes && bytes / 2 ** 30, 1);

/** What became of replayed steps: a graph, told only what is new, or plain launches and why. */
const graphLines = (rows: readonly TrainingSpeed[]): string[] =>
  rows.flatMap(({ name, graphs }) => {
    if (!graphs) return [];
    const { built, launched, updated, refused } = graphs;
    const why = refused === undefined ? "" : `; not all are graphs: ${refused}`;
    return [`${name}: ${built} graphs, ${launched} launches of them, ${updated} nodes set between${why}.`];
  });

/** The report as Markdown. */
export function markdownOf(report: GpuReport): string {
  const { date, node, versions, conformance, faults, speeds, training, pytorch } = report;
  const lines = (speeds.value ?? []).map(({ name, milliseconds, gigabytesPerSecond, shareOfCopy, gigaflops }) => {
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
    `PyTorch: ${pytorch.version ?? "not measured"}${pytorch.missing === undefined ? "" : ` (${pytorch.missing})`}.`,
    "",
    conformanceLine(conformance),
    ...[speeds, training].flatMap(({ failure }) => (failure === undefined ? [] : [`Not measured: ${failure}`])),
    ...faults.map(({ name, passed, detail }) => `Fault ${name}: ${passed ? "as it should" : "wrong"} (${detail}).`),
    "",
    "Times are the GPU's own, the best of ten rounds of five launches. Float32 where nothing else is said.",
    "",
    "| work | ms | GB/s | of a copy | GFLOP/s | PyTorch ms | PyTorch ÷ ours |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...lines,
    "",
    "Training: tokens a second and memory at the most; wall time of ten steps after the first. Replayed steps are CUDA graphs.",
    ...graphLines(training.value ?? []),
    "",
    "| work | tokens/s | GiB | PyTorch eager | GiB | torch.compile | GiB | ours ÷ eager |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ...(training.value ?? []).map((row) => {
      const { eager, compiled } = pytorch.training[row.name] ?? {};
      const ratio = row.tokensPerSecond && eager?.tokensPerSecond && row.tokensPerSecond / eager.tokensPerSecond;
      const cells = [row, eager, compiled].flatMap((x) => [
        x?.failure ?? number(x?.tokensPerSecond, 0),
        gibibytes(x?.peakBytes),
      ]);
      return `| ${[`${row.name}, ${row.kind}`, ...cells, ratio ? `${ratio.toFixed(2)}×` : ""].join(" | ")} |`;
    }),
    "",
  ].join("\n");
}
