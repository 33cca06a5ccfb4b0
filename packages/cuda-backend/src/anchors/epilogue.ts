// Which maps behind a product cuBLASLt computes itself, to the bit: `(A·B + C) + bias`, either of the two left out. Nothing else
// is taken. Its GELU is the tanh form by an approximation that is not documented; and in 16 bits it rounds once where
// the graph rounds the product and the sum.

import type { Expr, FloatType, Kernel, LaunchOperand } from "@torchium/tensor/backend";
import { type ColumnMajor, matrix, type Product } from "./matmul-layout.js";

/** What is added to a product: numbers of the epilogue's inputs, in the order in which they are added. */
export type Addends = readonly [first: number] | readonly [first: number, second: number];

/** The additions that an epilogue is, or undefined for any other. Looks at the expression alone. */
export function addendsOf({ program }: Kernel, type: FloatType): Addends | undefined {
  if (type !== "float32" && type !== "float64") return undefined;
  const [output] = program.outputs;
  if (!output || program.outputs.length > 1 || output.role !== "full" || program.reduces.length > 0) return undefined;
  const operand = (e: Expr): number | undefined =>
    e.kind === "input" && e.role === "full" && e.type === type && program.inputs[e.index]!.kind === "buffer"
      ? e.index
      : undefined;
  const split = (e: Expr): readonly (readonly [sum: Expr, added: number])[] => {
    if (e.kind !== "apply" || e.op !== "add") return [];
    const [a, b] = e.args as [Expr, Expr];
    // A sum is the same bits in either order of its two terms.
    return [[a, operand(b)] as const, [b, operand(a)] as const].flatMap(([sum, added]) =>
      added === undefined || added === 0 ? [] : [[sum, added] as const],
    );
  };
  for (const [sum, last] of split(output.expr)) {
    if (operand(sum) === 0) return [last];
    for (const [product, first] of split(sum)) if (operand(product) === 0) return [first, last];
  }
  return undefined;
}

/** An epilogue as the library takes it: a matrix that lies as the output does, and a vector along its rows. */
export type LibraryEpilogue = {
  readonly c: (ColumnMajor & { readonly operand: LaunchOperand }) | undefined;
  readonly bias: LaunchOperand | undefined;
};

/**
 * How the library adds operands to a product [M, N, K], in the order given; undefined where it would add them in another
 * order or cannot read them.
 */
export function libraryEpilogue(
  addends: readonly LaunchOperand[],
  { swapped, d, batches }: Product,
  unit: number,
): LibraryEpilogue | undefined {
  if (batches !== 1) return undefined;
  const [first, second] = addends.map((operand) => {
    const [m, n] = operand.strides.slice(-2) as [number, number];
    const [along, across] = swapped ? [n, m] : [m, n];
    const aligned = (operand.offset * unit) % 16 === 0;
    if (along === 1 && across === 0 && d.columns > 1 && aligned) return { bias: operand };
    const layout = aligned ? matrix(along, across, d.rows, d.columns) : undefined;
    return layout && { c: { ...layout, operand } };
  });
  if (!first) return undefined;
  if (addends.length === 1) return { c: first.c, bias: first.bias };
  return first.c && second?.bias ? { c: first.c, bias: second.bias } : undefined;
}
