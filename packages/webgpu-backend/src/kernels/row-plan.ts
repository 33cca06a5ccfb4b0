// How many threads share a row, and whether a row is cut into pieces: a function of sizes and strides over few choices.

import type { Kernel, Launch } from "@torchium/tensor/backend";
import type { TeamSize } from "./team.js";

/** How rows are shared out. */
export type RowPlan = {
  readonly team: TeamSize;
  /** Pieces of a row; more than one takes a dispatch a pass. */
  readonly chunks: number;
  /** Walks over rows that go on side by side. */
  readonly blocks: number;
};

/** Rows this short are walked by one thread. */
const shortRow = 8;
/** Rows up to this length are walked by a small team. */
const mediumRow = 512;
/** Elements of a row that one team takes when a row is cut, by team size. */
const chunkLengths = { 1: 64, 32: 2048, 256: 2048 } as const satisfies Record<TeamSize, number>;
const maxChunks = 256;
/** Threads below which rows are cut, so that the GPU has enough to do. */
const fewThreads = 2 ** 14;
/** Words of scratch memory that sums over rows may take. */
const maxLaneWords = 2 ** 22;

/** Shares out the rows of a launch. Rows are cut only where `maxBuffers` leave one for the pieces' results. */
export function planRows(
  kernel: Kernel,
  { sizes, operands }: Pick<Launch, "sizes" | "operands">,
  maxBuffers: number,
): RowPlan {
  const length = sizes[sizes.length - 1]!;
  const rows = sizes.slice(0, -1).reduce((a, b) => a * b, 1);
  const sumsRows = kernel.program.outputs.some((o) => o.role === "lane");
  const team = teamOf(length, walksColumns(kernel, operands, rows), sumsRows);
  const most = Math.min(maxChunks, Math.ceil(length / chunkLengths[team]));
  const mayCut = sumsRows || operands.filter((o) => o.buffer).length < maxBuffers;
  const chunks = mayCut && rows * team < fewThreads && most > 1 ? most : 1;
  const blocks = sumsRows && chunks === 1 ? Math.min(rows, 512, Math.max(1, Math.floor(maxLaneWords / length))) : rows;
  return { team, chunks, blocks };
}

function teamOf(length: number, columns: boolean, sumsRows: boolean): TeamSize {
  if (!sumsRows && (columns || length <= shortRow)) return 1;
  return length <= mediumRow ? 32 : 256;
}

/** Whether neighbours in memory belong to neighbouring rows, so that one thread a row reads side by side. */
function walksColumns({ program, rank, access }: Kernel, operands: Launch["operands"], rows: number): boolean {
  if (rank < 2 || rows < 32) return false;
  let columns = 0;
  let dense = 0;
  operands.forEach(({ buffer, strides }, i) => {
    const role = program.inputs[i]?.role ?? program.outputs[i - program.inputs.length]!.role;
    if (role !== "full" || !buffer) return;
    if (access[i]![rank - 1] === 1) dense++;
    else if (strides[rank - 2] === 1) columns++;
  });
  return columns > dense;
}
