// A vendor's matrix products over the memory of the CPU backend: what a package that finds such a library provides. The core
// knows no library and no way to call one.

import type { Natives } from "../pool/natives.js";

/**
 * C = A·B of row-major matrices in the memory: `rows` × `inner` times `inner` × `columns`, not batched. A factor whose
 * `transposed` is not 0 lies in memory as its transpose. Addresses are bytes and may come as negative 32-bit integers; a leading
 * dimension counts elements between rows as they lie. What C held before does not matter, NaN included.
 */
export type BlasProduct = (
  aTransposed: number,
  bTransposed: number,
  rows: number,
  columns: number,
  inner: number,
  a: number,
  aLeading: number,
  b: number,
  bLeading: number,
  c: number,
  cLeading: number,
) => void;

/** The products of one thread; several threads call theirs at the same time. */
export type BlasProducts = {
  readonly gemmFloat32: BlasProduct;
  readonly gemmFloat64: BlasProduct;
};

/** A library of matrix products, as `findBlas` of `@torchium/cpu-blas` gives it. */
export interface Blas extends Natives<BlasProducts> {
  /** For people: which library, of which version, from where. */
  readonly description: string;
  /** Multiply-adds of one matrix, at least 1, from which on it is faster than the embedded product. */
  readonly leastMultiplyAdds: number;
}

/** That there is no library to use, and why. */
export type NoBlas = { readonly missing: string };

/** The library of a choice, where there is one. */
export const libraryOf = (choice: Blas | NoBlas | undefined): Blas | undefined =>
  choice && "connect" in choice ? choice : undefined;

/** Who computes matrix products, for people. */
export function describeProducts(choice: Blas | NoBlas | undefined): string {
  if (!choice) return "embedded matrix products";
  return "connect" in choice
    ? `large matrix products by ${choice.description}`
    : `embedded matrix products (${choice.missing})`;
}
