// How a product of strided matrices is told to a library that knows column-major matrices only: pure functions of sizes
// and strides.

import type { Launch } from "@torchium/tensor/backend";

/** A column-major matrix in memory, perhaps read transposed. */
export type ColumnMajor = {
  readonly rows: number;
  readonly columns: number;
  /** Elements between columns. */
  readonly leading: number;
  readonly transposed: boolean;
};

/** One batched product D = first · second, all column-major. */
export type Product = {
  /** Which operand comes first: swapped when the output is row-major. */
  readonly swapped: boolean;
  readonly a: ColumnMajor;
  readonly b: ColumnMajor;
  readonly d: ColumnMajor;
  readonly batches: number;
  /** Elements between matrices of a batch, of first, second and output. */
  readonly batchStrides: readonly [number, number, number];
};

/** A product, and where each of its repetitions starts: elements from the start of A, B and C. */
export type ProductPlan = {
  readonly product: Product;
  readonly starts: readonly (readonly [number, number, number])[];
};

/** More repetitions than this are left to the own kernel, which runs them in one launch. */
const mostRepetitions = 64;

/** The plan of a product over [batch…, M, N, K], or undefined where the library cannot read the operands as they lie. */
export function planProduct(
  sizes: readonly number[],
  strides: readonly (readonly number[])[],
): ProductPlan | undefined {
  const axes = sizes.length - 3;
  const [m, n, k] = sizes.slice(axes) as [number, number, number];
  if (sizes.includes(0)) return undefined;
  const [a, b, c] = strides as [readonly number[], readonly number[], readonly number[]];
  const swapped = !fits(c[axes]!, c[axes + 1]!, m, n);
  const matrices = swapped
    ? ([
        factor(b[axes + 1]!, b[axes + 2]!, n, k),
        factor(a[axes + 2]!, a[axes]!, k, m),
        matrix(c[axes + 1]!, c[axes]!, n, m),
      ] as const)
    : ([
        factor(a[axes]!, a[axes + 2]!, m, k),
        factor(b[axes + 2]!, b[axes + 1]!, k, n),
        matrix(c[axes]!, c[axes + 1]!, m, n),
      ] as const);
  const [first, second, d] = matrices;
  if (!first || !second || !d) return undefined;
  const batch = planBatch(sizes.slice(0, axes), strides);
  if (!batch) return undefined;
  const [sa, sb, sc] = batch.strides;
  return {
    product: {
      swapped,
      a: first,
      b: second,
      d,
      batches: batch.count,
      batchStrides: swapped ? [sb, sa, sc] : [sa, sb, sc],
    },
    starts: batch.starts,
  };
}

/** Whether rows lie side by side and columns do not overlap. */
const fits = (rowStride: number, columnStride: number, rows: number, columns: number): boolean =>
  (rowStride === 1 || rows === 1) && (columnStride >= rows || columns === 1);

/** A matrix read as it lies, or undefined where no column-major matrix lies so. */
export function matrix(
  rowStride: number,
  columnStride: number,
  rows: number,
  columns: number,
): ColumnMajor | undefined {
  if (!fits(rowStride, columnStride, rows, columns)) return undefined;
  return { rows, columns, leading: columns === 1 ? rows : columnStride, transposed: false };
}

function factor(rowStride: number, columnStride: number, rows: number, columns: number): ColumnMajor | undefined {
  const plain = matrix(rowStride, columnStride, rows, columns);
  if (plain) return plain;
  const turned = matrix(columnStride, rowStride, columns, rows);
  return turned && { ...turned, transposed: true };
}

type Triple = readonly [number, number, number];

/** Joins batch axes into one where all operands walk them in one stride; the rest become repetitions. */
function planBatch(sizes: readonly number[], strides: readonly (readonly number[])[]) {
  const axes = [...sizes.keys()].filter((axis) => sizes[axis]! > 1);
  const strideOf = (axis: number): Triple => strides.map((s) => s[axis]!) as unknown as Triple;
  let count = 1;
  let inner: Triple = [0, 0, 0];
  while (axes.length > 0) {
    const axis = axes.at(-1)!;
    const next = strideOf(axis);
    const scale = count;
    if (count > 1 && !next.every((s, i) => s === inner[i]! * scale)) break;
    if (count === 1) inner = next;
    count *= sizes[axis]!;
    axes.pop();
  }
  let starts: Triple[] = [[0, 0, 0]];
  for (const axis of axes) {
    const step = strideOf(axis);
    starts = starts.flatMap((from) =>
      Array.from({ length: sizes[axis]! }, (_, i) => from.map((s, o) => s + i * step[o]!) as unknown as Triple),
    );
    if (starts.length > mostRepetitions) return undefined;
  }
  return { count, strides: inner, starts };
}

/** Bytes, a power of two up to 16, that all matrices of an operand are aligned to. */
export function alignmentOf(operand: Launch["operands"][number], unit: number, batchAxes: number): number {
  const steps = [operand.offset, ...operand.strides.slice(0, batchAxes)].map((elements) => Math.abs(elements * unit));
  let alignment = 16;
  while (steps.some((bytes) => bytes % alignment !== 0)) alignment /= 2;
  return alignment;
}
