// The parameter block of a matrix product in memory: sizes and strides are data, so no size ever compiles a kernel.
// Strides count elements; addresses count bytes.

/** Words of the block, in order. */
const fields = [
  "rows",
  "columns",
  "inner",
  "accumulate",
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
 * C = A·B, or C += A·B with `accumulate`, for each of `outerBatch` × `innerBatch` matrices: A has `rows` × `inner` elements, B
 * `inner` × `columns`, C `rows` × `columns` with neighbouring columns side by side. `a`, `b`, `c` are byte addresses aligned to an
 * element, with 64 readable bytes after the last element of A and B; strides count elements, 0 repeats (not in C). C overlaps
 * neither A nor B. `workspace` is the byte address of `gemmWorkspaceByteLength` bytes a thread, aligned to 16.
 */
export type GemmParams = Readonly<Record<Exclude<GemmField, "accumulate">, number>> & { readonly accumulate: boolean };

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
    words[first + i] = Number(params[name]);
  });
}
