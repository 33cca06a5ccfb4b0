// Matrix products by PyTorch's rules of rank, and einsum on top of them.

import { asFactor, productType } from "../autograd/autocast.js";
import { checkTensors } from "../autograd/checks.js";
import { sameDevice } from "../autograd/program-op.js";
import type { Variable } from "../autograd/variable.js";
import { permute, reshape, sumLast, toRows } from "../autograd/views.js";
import { isFloat, promote } from "../dtype.js";
import { argumentError, shapeError, TensorError } from "../errors.js";
import { broadcastShapes, type Shape } from "../shape.js";
import { matmulAny } from "./anchors/matmul.js";
import { eq, mul, where } from "./arithmetic.js";
import { positions } from "./indexing.js";

/** a·b: vectors, matrices or batches of them, batch axes broadcast. @throws TensorError `shape`, `dtype` */
export function matmul<T extends Variable>(a: T, b: T): T {
  sameDevice("matmul", [a, b]);
  if (a.shape.length === 0 || b.shape.length === 0)
    throw shapeError("matmul", "operands need at least one axis", [a.shape, b.shape]);
  const met = promote(a.dtype, b.dtype);
  const dtype = productType(met);
  if (!isFloat(met))
    throw new TensorError(
      "dtype",
      `matmul: operands must be floating, got ${a.dtype} and ${b.dtype}, expected float32 or float64`,
      { op: "matmul" },
    );
  const [first, second] = [asFactor(a, dtype), asFactor(b, dtype)];
  const left = a.shape.length === 1 ? reshape(first, [1, a.shape[0]!]) : first;
  const right = b.shape.length === 1 ? reshape(second, [b.shape[0]!, 1]) : second;
  if (left.shape[left.shape.length - 1] !== right.shape[right.shape.length - 2]) {
    throw shapeError("matmul", "inner sizes differ", [a.shape, b.shape]);
  }
  const batch = broadcastShapes("matmul", [left.shape.slice(0, -2), right.shape.slice(0, -2)]);
  const y = matmulAny(left, right, batch);
  const drop: Shape = [
    ...y.shape.slice(0, -2),
    ...(a.shape.length === 1 ? [] : [y.shape[y.shape.length - 2]!]),
    ...(b.shape.length === 1 ? [] : [y.shape[y.shape.length - 1]!]),
  ];
  return reshape(y, drop);
}

/** Batched matrix product of two [batch, …, …] arrays. @throws TensorError `shape` */
export function bmm<T extends Variable>(a: T, b: T): T {
  sameDevice("bmm", [a, b]);
  if (a.shape.length !== 3 || b.shape.length !== 3 || a.shape[0] !== b.shape[0]) {
    throw shapeError("bmm", "needs two arrays of three axes and one batch size", [a.shape, b.shape]);
  }
  return matmul(a, b);
}

/**
 * Sum of products over named axes, as in NumPy: `einsum("bij,bjk->bik", a, b)`, `"ii"` for a trace, `"...ij,jk"` with
 * broadcast leading axes. @throws TensorError `shape`, `argument`
 */
export function einsum<T extends Variable>(equation: string, ...given: readonly T[]): T {
  if (typeof equation !== "string") throw argumentError("einsum", "the equation", "a string", equation);
  checkTensors("einsum", given, "operands");
  const { terms, output, operands } = readEquation(equation, given);
  const sizes = new Map<string, number>();
  terms.forEach((term, i) => {
    [...term].forEach((name, axis) => {
      const size = operands[i]!.shape[axis]!;
      if (sizes.has(name) && sizes.get(name) !== size)
        throw shapeError(
          "einsum",
          `axis ${name} has two sizes in "${equation}"`,
          given.map((x) => x.shape),
        );
      sizes.set(name, size);
    });
  });
  if ([...output].some((name) => !sizes.has(name)) || new Set(output).size !== output.length) {
    throw argumentError("einsum", "the output", "distinct axes of the operands", equation);
  }
  let names = [...terms[0]!];
  let value = operands[0]!;
  for (let i = 1; i < operands.length; i++) {
    const later = new Set([...terms.slice(i + 1).join(""), ...output]);
    [value, names] = contract(value, names, operands[i]!, [...terms[i]!], later, sizes);
  }
  const gone = names.flatMap((name, axis) => (output.includes(name) ? [] : [axis]));
  if (gone.length > 0) {
    value = sumLast(toRows(value, gone));
    names = names.filter((name) => output.includes(name));
  }
  return permute(
    value,
    [...output].map((name) => names.indexOf(name)),
  );
}

/** Joins two operands, summing the axes that nothing later needs, as one batched matmul. */
function contract<T extends Variable>(
  a: T,
  an: readonly string[],
  b: T,
  bn: readonly string[],
  later: ReadonlySet<string>,
  sizes: ReadonlyMap<string, number>,
): [T, string[]] {
  const shared = an.filter((n) => bn.includes(n));
  const batch = shared.filter((n) => later.has(n));
  const inner = shared.filter((n) => !later.has(n));
  const [x, xn] = sumAway(a, an, (n) => bn.includes(n) || later.has(n));
  const [y, yn] = sumAway(b, bn, (n) => an.includes(n) || later.has(n));
  const rows = xn.filter((n) => !shared.includes(n));
  const columns = yn.filter((n) => !shared.includes(n));
  const size = (list: readonly string[]): number => list.reduce((k, n) => k * sizes.get(n)!, 1);
  const order = (names: readonly string[], want: readonly string[]): number[] => want.map((n) => names.indexOf(n));
  const left = reshape(permute(x, order(xn, [...batch, ...rows, ...inner])), [size(batch), size(rows), size(inner)]);
  const right = reshape(permute(y, order(yn, [...batch, ...inner, ...columns])), [
    size(batch),
    size(inner),
    size(columns),
  ]);
  const product = inner.length === 0 ? mul(left, right) : matmul(left, right);
  const names = [...batch, ...rows, ...columns];
  return [
    reshape(
      product,
      names.map((n) => sizes.get(n)!),
    ),
    names,
  ];
}

function sumAway<T extends Variable>(x: T, names: readonly string[], keep: (name: string) => boolean): [T, string[]] {
  const gone = names.flatMap((n, axis) => (keep(n) ? [] : [axis]));
  return gone.length === 0 ? [x, [...names]] : [sumLast(toRows(x, gone)), names.filter(keep)];
}

/** Terms, output and operands of an equation, with ellipses spelled out and repeated axes taken from the diagonal. */
function readEquation<T extends Variable>(equation: string, given: readonly T[]) {
  const [left, right] = equation.replaceAll(" ", "").split("->");
  const terms = (left ?? "").split(",");
  if (terms.length !== given.length || given.length === 0) {
    throw argumentError("einsum", "the equation", `one with ${given.length} operands`, equation);
  }
  const used = new Set(equation);
  const spare = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"].filter((c) => !used.has(c));
  const extra = terms.map((term, i) => (term.includes("...") ? given[i]!.shape.length - (term.length - 3) : 0));
  const widest = Math.max(0, ...extra);
  const leading = spare.slice(0, widest).join("");
  const spelled = terms.map((term, i) => term.replace("...", leading.slice(widest - extra[i]!)));
  spelled.forEach((term, i) => {
    if (term.length !== given[i]!.shape.length || extra[i]! < 0 || /[^a-zA-Z]/.test(term)) {
      throw shapeError("einsum", `operand ${i + 1} does not fit "${terms[i]}"`, [given[i]!.shape]);
    }
  });
  const counts = new Map<string, number>();
  for (const name of spelled.join("")) counts.set(name, (counts.get(name) ?? 0) + 1);
  const once = [...counts].filter(([name, n]) => n === 1 && !leading.includes(name)).map(([name]) => name);
  const output = right === undefined ? leading + once.sort().join("") : right.replace("...", leading);
  const diagonals = spelled.map((term, i) => diagonalOf(given[i]!, term));
  return { terms: diagonals.map((d) => d.term), operands: diagonals.map((d) => d.x), output };
}

/** The diagonal over axes of one name: zeroed elsewhere and summed. */
function diagonalOf<T extends Variable>(x: T, term: string): { x: T; term: string } {
  for (let axis = 1; axis < term.length; axis++) {
    const first = term.indexOf(term[axis]!);
    if (first === axis) continue;
    if (x.shape[first] !== x.shape[axis])
      throw shapeError("einsum", `axis ${term[axis]} has two sizes in one operand`, [x.shape]);
    const kept = where(eq(positions(x, first), positions(x, axis)), x, 0);
    return diagonalOf(sumLast(toRows(kept, [axis])), term.slice(0, axis) + term.slice(axis + 1));
  }
  return { x, term };
}
