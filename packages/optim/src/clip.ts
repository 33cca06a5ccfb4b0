// Clipping gradients: by the length of all of them together, or value by value. Nothing is read back to the host.

import { argumentError, div, gradientOf, keep, noGrad, replaceGradient, stack, Tensor, zeros } from "@torchium/tensor";

/**
 * Scales the gradients of all parameters so that their total norm is at most `maxNorm`, and returns the norm they had: a
 * tensor of one number, readable also after the next step. As in PyTorch, the factor is `maxNorm / (norm + 1e-6)`, at
 * most 1.
 * @param normType p of the p-norm; Infinity for the largest magnitude
 * @throws TensorError `argument` for a NaN or negative `maxNorm`, or a `normType` that is not positive
 */
export function clipGradNorm(parameters: Tensor | Iterable<Tensor>, maxNorm: number, normType = 2): Tensor {
  if (!(maxNorm >= 0)) throw argumentError("clipGradNorm", "maxNorm", "a number, at least 0", maxNorm);
  if (!(normType > 0)) throw argumentError("clipGradNorm", "normType", "a number above 0", normType);
  const list = listOf("clipGradNorm", parameters);
  return noGrad(() => {
    const gradients = gradientsOf(list);
    if (gradients.length === 0) return zeros([], list[0] ? { device: list[0].device } : {});
    const dtype = gradients.some(([, g]) => g.dtype === "float64") ? "float64" : "float32";
    const norms = gradients.map(([, g]) => g.norm(normType).to(dtype));
    const total = norms.length === 1 ? norms[0]! : stack(norms, 0).norm(normType);
    const factor = div(maxNorm, total.add(1e-6)).clamp(undefined, 1);
    for (const [p, g] of gradients) replaceGradient(p, g.mul(factor.to(g.dtype)));
    return keep(total);
  });
}

/**
 * Limits every element of the gradients to `[−clipValue, clipValue]`.
 * @throws TensorError `argument` for a NaN or negative `clipValue`
 */
export function clipGradValue(parameters: Tensor | Iterable<Tensor>, clipValue: number): void {
  if (!(clipValue >= 0)) throw argumentError("clipGradValue", "clipValue", "a number, at least 0", clipValue);
  const list = listOf("clipGradValue", parameters);
  noGrad(() => {
    for (const [p, g] of gradientsOf(list)) replaceGradient(p, g.clamp(-clipValue, clipValue));
  });
}

const gradientsOf = (parameters: readonly Tensor[]): (readonly [Tensor, Tensor])[] =>
  parameters.flatMap((p) => {
    const g = gradientOf(p);
    return g ? [[p, g] as const] : [];
  });

function listOf(op: string, parameters: Tensor | Iterable<Tensor>): readonly Tensor[] {
  if (parameters instanceof Tensor) return [parameters];
  const iterable = typeof parameters === "object" && parameters !== null && Symbol.iterator in parameters;
  const list: readonly unknown[] = iterable ? [...new Set(parameters)] : [parameters];
  for (const p of list) if (!(p instanceof Tensor)) throw argumentError(op, "parameters", "a list of tensors", p);
  return list as readonly Tensor[];
}
