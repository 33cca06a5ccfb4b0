// Which schedule runs a launch, and in what shape: a pure function of the kernel's structure and the launch's sizes, so
// that one launch is summed in one order on every GPU.

import { byteLengthOf, type Kernel, type Launch, type Program } from "@torchium/tensor/backend";
import type { Walk } from "../render/row-parts.js";

/** Threads of a block. */
const blockThreads = 256;
/** Rows up to this many elements get at most a warp. */
const warpRow = 1024;
/** Threads that keep a large GPU busy. */
const manyThreads = 2 ** 16;
/** Rows that one thread sums before it is worth having more of them. */
const rowsPerSum = 16;
/** Elements of all partial sums. */
const mostPartials = 2 ** 21;
/** Addresses and counts up to this fit into 32 bits, rounding up included. */
export const defaultNarrowLimit = 2 ** 31 - 2 ** 20;

/** Elements that one block reads in less time than further kernels take to start: an estimate, measured nowhere yet. */
export const defaultLongBlock = 2 ** 17;

type Sizes = Pick<Launch, "sizes" | "operands">;

/** Whether a program has no row: no reductions, nothing once a row or summed over rows. */
export function isMap({ reduces, outputs }: Program): boolean {
  return reduces.length === 0 && outputs.every((o) => o.role === "full");
}

/** The least power of two that is not less than `n`. */
const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, n)));

/** Whether every element's place fits into 32 bits, which `limit` stands for. */
export function isNarrow({ sizes, operands }: Sizes, limit: number): boolean {
  const count = sizes.reduce((n, size) => n * size, 1);
  const reach = operands.map(({ strides }) =>
    strides.reduce((sum, stride, axis) => sum + Math.abs(stride) * Math.max(0, (sizes[axis] ?? 1) - 1), 0),
  );
  return Math.max(count, ...reach) <= limit;
}

/** Whether all operands that change along the row can be accessed four elements at a time. */
export function isVectorizable({ program, access, rank }: Kernel, { sizes, operands }: Sizes): boolean {
  const length = sizes[rank - 1]!;
  const splitsRow = length % 4 !== 0;
  if (splitsRow && !(isMap(program) && rank === 1)) return false;
  const types = [...program.inputs.map((x) => x.type), ...program.outputs.map((o) => o.expr.type)];
  const rowed = !isMap(program);
  return operands.every(({ strides, offset }, i) => {
    const declared = program.inputs[i] ?? program.outputs[i - program.inputs.length]!;
    if (i < program.inputs.length && program.inputs[i]!.kind === "index") return true;
    // What a row has once is never accessed four at a time, and sums over rows have a place of their own.
    if (rowed && (declared.role === "row" || (i >= program.inputs.length && declared.role === "lane"))) return true;
    const along = access[i]![rank - 1]!;
    if (along === 0) return i < program.inputs.length;
    const unit = byteLengthOf(types[i]!);
    const aligned = (elements: number): boolean => (elements * unit) % Math.min(16, 4 * unit) === 0;
    return (
      along === 1 &&
      aligned(offset) &&
      strides.slice(0, -1).every((stride, axis) => sizes[axis]! < 2 || aligned(stride))
    );
  });
}

/** How threads share the rows of a launch. */
export type RowShape = {
  readonly walk: Walk;
  readonly lanes: number;
  readonly threads: number;
  readonly blocks: number;
};

/** The shape of a row program over `rows` rows of `length` elements, `vector` at a time. */
export function rowShape(
  { rank, program }: Kernel,
  { operands }: Sizes,
  rows: number,
  length: number,
  vector: number,
): RowShape {
  const walk = vector === 1 && rows > 1 && walksColumns(program, operands, rank) ? "columns" : "rows";
  const lanes = walk === "columns" ? columnLanes(rows, length) : rowLanes(length / vector);
  const threads = Math.min(blockThreads, Math.max(32, powerOfTwo(lanes * rows), lanes));
  return { walk, lanes, threads, blocks: Math.ceil(rows / (threads / lanes)) };
}

/** Blocks that keep a large GPU busy. */
const manyBlocks = 2 ** 10;

/** How blocks share the parts of long rows. */
export type LongRowShape = RowShape & {
  /** Parts of a row, and the elements of each. */
  readonly parts: number;
  readonly perPart: number;
};

/**
 * The shape of a row program whose rows are cut into parts, or undefined where whole rows are enough for the GPU: where a block
 * has no more than `longBlock` elements.
 */
export function longRowShape(
  kernel: Kernel,
  launch: Sizes,
  rows: number,
  length: number,
  vector: number,
  longBlock: number,
): LongRowShape | undefined {
  const { walk, lanes: fewer, threads } = rowShape(kernel, launch, rows, length, vector);
  if (kernel.program.reduces.length === 0 || (length * threads) / fewer < longBlock) return undefined;
  const groups = walk === "rows" ? 1 : Math.min(32, powerOfTwo(rows));
  const lanes = blockThreads / groups;
  const blocks = Math.ceil(rows / groups);
  const wanted = Math.min(Math.ceil((8 * length * groups) / longBlock), Math.floor(manyBlocks / blocks));
  if (wanted < 4) return undefined;
  const step = lanes * vector;
  const perPart = Math.ceil(length / wanted / step) * step;
  return { walk, lanes, threads: blockThreads, blocks, parts: Math.ceil(length / perPart), perPart };
}

/** Whether most inputs have their neighbours in the next row, not in the same. */
function walksColumns(program: Program, operands: Sizes["operands"], rank: number): boolean {
  if (rank < 2) return false;
  let votes = 0;
  program.inputs.forEach(({ kind, role }, i) => {
    if (kind === "index" || role !== "full") return;
    const { strides } = operands[i]!;
    const [across, along] = [Math.abs(strides[rank - 2]!), Math.abs(strides[rank - 1]!)];
    if (across !== along) votes += across !== 0 && across < along ? 1 : -1;
  });
  return votes > 0;
}

function rowLanes(steps: number): number {
  return steps > warpRow / 4 ? blockThreads : Math.min(32, powerOfTwo(steps));
}

/** With few rows, several threads share each. */
function columnLanes(rows: number, length: number): number {
  return rows >= manyThreads ? 1 : Math.min(8, powerOfTwo(length));
}

/** How threads sum over rows. */
export type LaneShape = {
  readonly lanes: number;
  readonly threads: number;
  /** Blocks along the rows, and along a row. */
  readonly blocks: readonly [number, number];
  readonly perGroup: number;
  /** Partial sums of each lane. */
  readonly parts: number;
};

/** The shape of a program with sums over its rows. */
export function laneShape({ program }: Kernel, rows: number, length: number, vector: number): LaneShape {
  const byLane = program.reduces.length === 0 && program.outputs.every((o) => o.role !== "row");
  const steps = Math.max(1, Math.ceil(length / vector));
  const lanes = byLane ? Math.min(blockThreads, powerOfTwo(steps)) : rowLanes(steps);
  const most = Math.max(1, Math.floor(mostPartials / Math.max(1, length)));
  const wanted = Math.min(most, Math.max(1, Math.ceil(rows / rowsPerSum)));
  const threads = Math.min(blockThreads, Math.max(32, lanes * powerOfTwo(wanted)));
  const groups = threads / lanes;
  const blocks = Math.ceil(wanted / groups);
  const parts = blocks * groups;
  const across = byLane ? Math.min(65_535, Math.max(1, Math.ceil(steps / lanes))) : 1;
  return { lanes, threads, blocks: [blocks, across], perGroup: Math.ceil(rows / parts), parts };
}
