// Clipping gradients: by the length of all of them together, or value by value. Nothing is read back to the host.

import {
  arange,
  argumentError,
  cat,
  div,
  gradientOf,
  keep,
  mergeRows,
  noGrad,
  replaceGradient,
  replaceRowGradient,
  rowGradientOf,
  Tensor,
  where,
  zeros,
} from "@torchium/tensor";

/**
 * Scales the gradients of all parameters so that their total norm is at most `maxNorm`, and returns the norm they had: a
 * tensor of one number, readable also after the next step. As in PyTorch, the factor is `maxNorm / (norm + 1e-6)`, at
 * most 1. A row-sparse gradient counts as the dense one it stands for: rows of one index are added up first.
 * @param normType p of the p-norm; Infinity for the largest magnitude
 * @throws TensorError `argument` for a NaN or negative `maxNorm`, or a `normType` that is not positive
 */
export function clipGradNorm(parameters: Tensor | Iterable<Tensor>, maxNorm: number, normType = 2): Tensor {
  if (!(maxNorm >= 0)) throw argumentError("clipGradNorm", "maxNorm", "a number of at least 0", maxNorm);
  if (!(normType > 0)) throw argumentError("clipGradNorm", "normType", "a number above 0", normType);
  const list = listOf("clipGradNorm", parameters);
  return noGrad(() => {
    const gradients = gradientsOf(list);
    if (gradients.length === 0) return zeros([], list[0] ? { device: list[0].device } : {});
    const dtype = gradients.some(({ values }) => values.dtype === "float64") ? "float64" : "float32";
    const total = totalNorm(
      gradients.map(({ values }) => values),
      normType,
      dtype,
    );
    const factor = div(maxNorm, total.add(1e-6)).clamp(undefined, 1);
    for (const { values, replace } of gradients) replace(values.mul(factor.to(values.dtype)));
    return keep(total);
  });
}

/**
 * Limits every element of the gradients to `[−clipValue, clipValue]`.
 * @throws TensorError `argument` for a NaN or negative `clipValue`
 */
export function clipGradValue(parameters: Tensor | Iterable<Tensor>, clipValue: number): void {
  if (!(clipValue >= 0)) throw argumentError("clipGradValue", "clipValue", "a number of at least 0", clipValue);
  const list = listOf("clipGradValue", parameters);
  noGrad(() => {
    for (const { values, replace } of gradientsOf(list)) replace(values.clamp(-clipValue, clipValue));
  });
}

/** What a gradient holds, each element once, and how to put something else in its place. */
type Clippable = { readonly values: Tensor; readonly replace: (values: Tensor) => void };

/**
 * The p-norm of all elements of all gradients. Each one's part is written where a second step reads all of them: the first
 * steps do not wait for each other.
 */
function totalNorm(gradients: readonly Tensor[], p: number, dtype: "float32" | "float64"): Tensor {
  const together = (parts: readonly Tensor[]): Tensor => cat(parts.map((part) => part.to(dtype).reshape(1)));
  if (p === Number.POSITIVE_INFINITY) return together(gradients.map((g) => g.norm(p))).amax();
  const powers = gradients.map((g) => (p === 2 ? g.square() : p === 1 ? g.abs() : g.abs().pow(p)).sum());
  const sum = together(powers).sum();
  return p === 2 ? sum.sqrt() : p === 1 ? sum : sum.pow(1 / p);
}

const gradientsOf = (parameters: readonly Tensor[]): Clippable[] =>
  parameters.flatMap((p): Clippable[] => {
    const gradient = gradientOf(p);
    if (gradient) return [{ values: gradient, replace: (values) => replaceGradient(p, values) }];
    const rows = rowGradientOf(p);
    if (!rows) return [];
    const merged = mergeRows(rows.indices, rows.values);
    // The sum stands in the first row of an index, and zero in the others: adding up gives it back.
    const { leaders } = merged;
    const isFirst = leaders.eq(arange(0, leaders.numel, 1, { device: leaders.device })).unsqueeze(1);
    const values = where(isFirst, merged.rows, 0);
    return [{ values, replace: (clipped) => replaceRowGradient(p, merged.ids, clipped) }];
  });

function listOf(op: string, parameters: Tensor | Iterable<Tensor>): readonly Tensor[] {
  if (parameters instanceof Tensor) return [parameters];
  const iterable = typeof parameters === "object" && parameters !== null && Symbol.iterator in parameters;
  const list: readonly unknown[] = iterable ? [...new Set(parameters)] : [parameters];
  for (const p of list) if (!(p instanceof Tensor)) throw argumentError(op, "parameters", "a list of tensors", p);
  return list as readonly Tensor[];
}
