// The parameters an optimizer is given: one list, or groups with options of their own.

import { argumentError, Tensor, TensorError } from "@torchium/tensor";

/** A group as it is given: parameters, and options that differ from the optimizer's. */
export type ParamGroupInit<H> = { readonly params: Tensor | Iterable<Tensor> } & { readonly [K in keyof H]?: H[K] };

/** What an optimizer is made for: parameters, or groups of them. */
export type Params<H> = Iterable<Tensor> | Iterable<ParamGroupInit<H>>;

/** A group in use. Its options may be changed between steps. */
export type ParamGroup<H> = { readonly params: readonly Tensor[] } & { -readonly [K in keyof H]: H[K] };

/** The groups of `params`: one, without options, for a plain list. @throws TensorError `argument` */
export function groupsOf<H>(op: string, params: Params<H>): ParamGroupInit<H>[] {
  if (params instanceof Tensor || !isIterable(params)) {
    throw argumentError(op, "params", "a list of tensors or of groups { params, … }", params);
  }
  const list: readonly (Tensor | ParamGroupInit<H>)[] = [...(params as Iterable<Tensor | ParamGroupInit<H>>)];
  if (list.length === 0) throw new TensorError("argument", `${op}: there are no parameters, got an empty list`, { op });
  if (list.every((x) => x instanceof Tensor)) return [{ params: list } as unknown as ParamGroupInit<H>];
  const stray = list.findIndex((x) => x instanceof Tensor || typeof x !== "object" || x === null || !("params" in x));
  if (stray < 0) return list as ParamGroupInit<H>[];
  throw argumentError(op, `params[${stray}]`, "a group { params, … }, or all of them tensors", list[stray]);
}

/**
 * The parameters of one group.
 * @throws TensorError `argument` for anything but floating leaves, or for one that `taken` has
 */
export function checkParameters(op: string, params: Tensor | Iterable<Tensor>, taken: ReadonlySet<Tensor>): Tensor[] {
  const list: Tensor[] = params instanceof Tensor ? [params] : isIterable(params) ? [...params] : [];
  if (list.length === 0) throw argumentError(op, "params of a group", "at least one tensor", params);
  const seen = new Set(taken);
  list.forEach((p, i) => {
    if (!(p instanceof Tensor)) throw argumentError(op, `params[${i}]`, "a tensor", p);
    if (!p.isLeaf) throw argumentError(op, `params[${i}]`, "a leaf, made by no operation", p);
    if (!p.dtype.includes("float")) throw argumentError(op, `params[${i}]`, "floating", p.dtype);
    if (seen.has(p)) {
      throw new TensorError("argument", `${op}: a parameter is given twice, got ${p} at params[${i}]`, {
        op,
        position: i,
      });
    }
    seen.add(p);
  });
  return list;
}

const isIterable = (x: unknown): x is Iterable<never> => typeof x === "object" && x !== null && Symbol.iterator in x;
