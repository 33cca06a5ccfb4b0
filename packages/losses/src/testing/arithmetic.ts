// Formulas on plain numbers, written for clearness: the oracle of the losses' definitions.

/** Σ x. */
export const total = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);
/** Σ a·b. */
export const dot = (a: readonly number[], b: readonly number[]): number => total(a.map((x, i) => x * b[i]!));
/** ln Σ e^x. */
export function logSumExp(x: readonly number[]): number {
  const top = Math.max(...x);
  return top + Math.log(total(x.map((v) => Math.exp(v - top))));
}
/** 1/(1 + e^−x). */
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** All numbers of nested arrays, in order. */
const flat = (x: unknown): number[] => (Array.isArray(x) ? x.flatMap(flat) : [Number(x)]);
/** f on the numbers of arrays of one shape, in order. */
export function zip(f: (...x: number[]) => number, ...arrays: readonly unknown[]): number[] {
  const lists = arrays.map(flat);
  return lists[0]!.map((_, i) => f(...lists.map((l) => l[i]!)));
}

/** All sequences of `length` symbols below `count`. */
export function sequences(count: number, length: number): number[][] {
  if (length === 0) return [[]];
  return sequences(count, length - 1).flatMap((head) => Array.from({ length: count }, (_, k) => [...head, k]));
}
