// The parameter block of a matrix product in memory: sizes and strides are data, so no size ever compiles a kernel.
// Strides count elements; addresses count bytes.

/** Words of the block, in order. */
const fields = [
  "rows",
  "columns",
  "inner",
  "accumulate",
  "keeping",
  "a",
  "aRowStride",
  "aColumnStride",
  "b",
  "bRowStride",
  "bColumnStride",
  "c",
  "cRowStride",
  "outerBatch",
  "innerBatch",
  "aOuterStride",
  "aInnerStride",
  "bOuterStride",
  "bInnerStride",
  "cOuterStride",
  "cInnerStride",
  "workspace",
] as const;

/** A word of the parameter block. */
export type GemmField = (typeof fields)[number];

/**
 * What becomes of packed B: packed as it suits the product, packed as a whole and left in the workspace, or found there since the
 * product before left it.
 */
export const keeping = { none: 0, leave: 1, find: 2 } as const;

/**
 * C = A·B, or C += A·B with `accumulate`, for each of `outerBatch` × `innerBatch` matrices: A has `rows` × `inner` elements, B
 * `inner` × `columns`, C `rows` × `columns` with neighbouring columns side by side. `a`, `b`, `c` are byte addresses aligned to an
 * element, with 64 readable bytes after the last element of A and B; strides count elements, 0 repeats (not in C). C overlaps
 * neither A nor B. `workspace` is the byte address of `gemmWorkspaceByteLength` bytes a thread, aligned to 16.
 * `keeping` other than `none` is for single matrices that `keepsPackedB` allows; a product that finds packed B has the sizes, B's
 * strides and the number of threads of the one that left it.
 */
export type GemmParams = Readonly<Record<Exclude<GemmField, "accumulate" | "keeping">, number>> & {
  readonly accumulate: boolean;
  /** `none` unless given. */
  readonly keeping?: (typeof keeping)[keyof typeof keeping];
};

/** Byte length of a parameter block. */
export const gemmParamsByteLength = 4 * fields.length;

/** Byte offset of each word in the block. */
export const gemmOffsets = Object.fromEntries(fields.map((name, i) => [name, 4 * i])) as Readonly<
  Record<GemmField, number>
>;

/** Writes a parameter block at `address` of `words`, a view of the whole memory. */
export function writeGemmParams(words: Int32Array, address: number, params: GemmParams): void {
  const first = address / 4;
  fields.forEach((name, i) => {
    words[first + i] = Number(params[name] ?? 0);
  });
}
