// What is measured: every row is one piece of work, described by numbers alone, so that each peer, in whatever language,
// builds the same work from it. Inputs are waves (see `wave` in work.ts), so that results can be compared too.
import { kernelRows, product } from "./kernel-rows.js";
import { growthRows, stepRows } from "./step-rows.js";
import { wordRows } from "./word-rows.js";

/** One row of the table. */
export interface Row {
  readonly name: string;
  readonly group: "machine" | "kernels" | "steps" | "words" | "growth" | "host";
  /** What a peer looks up in its own table of work. */
  readonly op: string;
  readonly sizes: Readonly<Record<string, number>>;
  /** Multiplications and additions of the matrix products in it. */
  readonly flops?: number;
  /** Bytes that have to be read and written at least, with nothing in between kept in memory. */
  readonly bytes?: number;
  /** Bytes that those move through again and again, where they are fewer: how much has to fit a cache. */
  readonly workingSet?: number;
  /** The time is divided by this: µs an operation of a chain. */
  readonly per?: number;
  /** Words, characters or pairs that a training step learns from. */
  readonly tokens?: number;
  /** Of rows that differ in one size: which, and how large it is. */
  readonly series?: { readonly of: string; readonly size: number };
  /** One of the few rows that a run without options measures, and the only ones that browsers are asked for. */
  readonly main?: true;
}

const mebibyte = 1 << 20;

/** What the floors come from: how fast memory is read, by how much of it, and the rate of a matrix product. */
export const machineRows: readonly Row[] = [
  ...[0.25, 1, 4, 16, 64, 256].map(
    (size): Row => ({
      ...{ name: `memory, ${size} MiB`, group: "machine", op: "memory" },
      ...{ sizes: { bytes: size * mebibyte }, bytes: size * mebibyte },
    }),
  ),
  { ...product(1024, 1024, 1024), name: "a matrix product", group: "machine" },
];

/** What they come from on WebGPU: a copy between two buffers, and a product that software does as well. */
export const adapterRows: readonly Row[] = [
  {
    ...{ name: "copy, 64 MiB", group: "machine", op: "copy", sizes: { bytes: 64 * mebibyte } },
    bytes: 2 * 64 * mebibyte,
  },
  { ...product(512, 512, 512), name: "a matrix product", group: "machine" },
];

/** Every row, in the order of the table. */
const rows: readonly Row[] = [
  ...kernelRows,
  ...stepRows,
  ...wordRows,
  ...growthRows,
  {
    ...{ name: "an operation, of 200 on 64 values", group: "host", op: "chain", sizes: { nodes: 200, count: 64 } },
    ...{ per: 200, main: true },
  },
];

/** Rows that an adapter in software does in seconds. */
const gpuRows = [
  ...["add 4m", "matmul 256", "matmul 768×384×128 linear", "weight gradient", "scores", "exp 4m", "gelu 4m"],
  ...["softmax [512", "layernorm [512", "sum 4m", "column sum", "gather", "scatteradd", "adamw", "attention 12"],
  ...["attention, gradients", "gpt, block 16"],
];

/** Which rows are asked for. */
export interface Choice {
  /** Parts of names, or names of groups, in lower case. */
  readonly only: readonly string[] | undefined;
  readonly all: boolean;
  readonly onGpu: boolean;
}

/** The rows of a choice, and whether the figures of the host belong to it. */
export function rowsFor({ only, all, onGpu }: Choice): { readonly rows: readonly Row[]; readonly host: boolean } {
  const named = only ?? (onGpu && !all ? gpuRows : undefined);
  const isWanted = ({ name, group, main }: Row): boolean =>
    named?.some((text) => name.toLowerCase().includes(text) || group === text) ?? (all || main === true);
  return { rows: rows.filter(isWanted), host: !onGpu && (only?.includes("host") ?? all) };
}
