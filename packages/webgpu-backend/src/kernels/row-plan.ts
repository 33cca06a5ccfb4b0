// How many threads share a row, and whether a row is cut into pieces: a function of sizes and strides over few choices.

import type { Kernel, Launch } from "@torchium/tensor/backend";
import { partOfGroup, singleThread, subgroupOf, type Team, wholeGroup } from "./team.js";

/** How rows are shared out. */
export type RowPlan = {
  readonly team: Team;
  /** Pieces of a row; more than one takes a dispatch a pass. */
  readonly chunks: number;
  /** Walks over rows that go on side by side. */
  readonly blocks: number;
};

/** What a device offers to rows. */
export type RowLimits = {
  readonly maxBuffers: number;
  /** Threads of every subgroup; undefined where they differ or there are none. */
  readonly subgroupSize: number | undefined;
};

/** Rows this short are walked by one thread. */
const shortRow = 8;
/** Rows up to this length are walked by a small team. */
const mediumRow = 512;
/** Elements of a row that one team takes when a row is cut. */
const chunkLength = 2048;
/** The same for one thread. */
const threadChunkLength = 64;
const maxChunks = 256;
/** Threads below which rows are cut, so that the GPU has enough to do. */
const fewThreads = 2 ** 14;
/** Words of scratch memory that sums over rows may take. */
const maxLaneWords = 2 ** 22;
/** Subgroups narrower than this are a processor's vectors. */
const narrowSubgroup = 16;

/** Whether barriers are dear, as they are where a processor plays the GPU: threads then take turns at each. */
export const hasDearBarriers = ({ subgroupSize }: Pick<RowLimits, "subgroupSize">): boolean =>
  (subgroupSize ?? narrowSubgroup) < narrowSubgroup;

/** Shares out the rows of a launch. Rows are cut only where the buffers leave one for the pieces' results. */
export function planRows(
  kernel: Kernel,
  { sizes, operands }: Pick<Launch, "sizes" | "operands">,
  { maxBuffers, subgroupSize }: RowLimits,
): RowPlan {
  const length = sizes[sizes.length - 1]!;
  const rows = sizes.slice(0, -1).reduce((a, b) => a * b, 1);
  const sumsRows = kernel.program.outputs.some((o) => o.role === "lane");
  const byThreads = !sumsRows && (walksColumns(kernel, operands, rows) || length <= shortRow);
  const team = byThreads ? singleThread : teamOf(length, subgroupSize);
  const most = Math.min(maxChunks, Math.ceil(length / (byThreads ? threadChunkLength : chunkLength)));
  const mayCut = sumsRows || operands.filter((o) => o.binding).length < maxBuffers;
  const chunks = mayCut && rows * team.size < fewThreads && most > 1 ? most : 1;
  const blocks = sumsRows && chunks === 1 ? Math.min(rows, 512, Math.max(1, Math.floor(maxLaneWords / length))) : rows;
  return { team, chunks, blocks };
}

function teamOf(length: number, subgroupSize: number | undefined): Team {
  const suits = length <= mediumRow || hasDearBarriers({ subgroupSize });
  if (subgroupSize !== undefined && suits) return subgroupOf(subgroupSize);
  return length <= mediumRow ? partOfGroup : wholeGroup;
}

/** Whether neighbours in memory belong to neighbouring rows, so that one thread a row reads side by side. */
function walksColumns({ program, rank, access }: Kernel, operands: Launch["operands"], rows: number): boolean {
  if (rank < 2 || rows < 32) return false;
  let columns = 0;
  let dense = 0;
  operands.forEach(({ binding, strides }, i) => {
    const role = program.inputs[i]?.role ?? program.outputs[i - program.inputs.length]!.role;
    if (role !== "full" || !binding) return;
    if (access[i]![rank - 1] === 1) dense++;
    else if (strides[rank - 2] === 1) columns++;
  });
  return columns > dense;
}
