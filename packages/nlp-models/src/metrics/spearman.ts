// Correlation of two lists of numbers, by value (Pearson) and by rank (Spearman).

import { argumentError } from "@torchium/tensor";

/** Ranks from 1; equal values share the mean of their ranks. */
export function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i);
  order.sort((a, b) => (values[a] as number) - (values[b] as number));
  const out = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) end++;
    // Places start … end - 1 hold ranks start + 1 … end.
    for (let i = start; i < end; i++) out[order[i] as number] = (start + 1 + end) / 2;
    start = end;
  }
  return out;
}

/** Pearson's correlation; NaN when one list is constant. @throws `argument` as `spearman`. */
export function pearson(x: ArrayLike<number>, y: ArrayLike<number>): number {
  checkLists("pearson", x, y);
  const meanX = mean(x);
  const meanY = mean(y);
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let i = 0; i < x.length; i++) {
    const dx = (x[i] as number) - meanX;
    const dy = (y[i] as number) - meanY;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  return xy / Math.sqrt(xx * yy);
}

/**
 * Spearman's rank correlation with ties: Pearson's of the ranks; NaN when one list is constant.
 * @throws `argument` for different lengths, fewer than two numbers, or NaN.
 */
export function spearman(x: ArrayLike<number>, y: ArrayLike<number>): number {
  checkLists("spearman", x, y);
  return pearson(ranks(x), ranks(y));
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum / values.length;
}

function checkLists(op: string, x: ArrayLike<number>, y: ArrayLike<number>): void {
  if (x.length !== y.length) throw argumentError(op, "y", `as long as x (${x.length})`, y.length);
  if (x.length < 2) throw argumentError(op, "x", "at least two numbers", x.length);
  for (const [name, list] of [
    ["x", x],
    ["y", y],
  ] as const) {
    for (let i = 0; i < list.length; i++) {
      if (Number.isNaN(list[i])) throw argumentError(op, `${name}[${i}]`, "a number", list[i]);
    }
  }
}
