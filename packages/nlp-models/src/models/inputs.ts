// What models are given: ids and masks, checked where they enter. Here alone a mask of real tokens (1 or true is real)
// becomes a padding mask (true is ignored), which is what layers take.

import { hostValues, type Shape, Tensor, TensorError } from "@torchium/tensor";

/** A sequence of a batch is at most this long. */
type Limit = { readonly maxLen: number };

/**
 * Checks ids [batch, length]: a tensor of integers with at least one token a row, at most `maxLen`.
 * @throws TensorError `shape`, `dtype`
 */
export function checkIds(model: string, name: string, ids: Tensor, { maxLen }: Limit): void {
  checkIntegers(model, name, ids);
  if (ids.ndim !== 2 || ids.shape[1] === 0) throw wrongShape(model, name, ids.shape, "[batch, length]");
  const length = ids.shape[1]!;
  if (length <= maxLen) return;
  throw new TensorError(
    "shape",
    `${model}: ${name} is too long, got ${length} tokens, expected at most ${maxLen} (maxLen)`,
    { op: model, field: name, length, maxLen },
  );
}

/** @throws TensorError `dtype` unless `ids` is a tensor of integers */
export function checkIntegers(model: string, name: string, ids: Tensor): void {
  const dtype = ids instanceof Tensor ? ids.dtype : typeof ids;
  if (dtype === "int32" || dtype === "uint32") return;
  throw new TensorError("dtype", `${model}: ${name} must be a tensor of integers, got ${dtype}, expected int32`, {
    op: model,
    field: name,
    got: dtype,
  });
}

/** @throws TensorError `shape` unless the tensor has the shape */
export function checkShape(model: string, name: string, x: Tensor, shape: Shape): void {
  const fits = x.ndim === shape.length && shape.every((size, i) => x.shape[i] === size);
  if (!fits) throw wrongShape(model, name, x.shape, `[${shape.join(", ")}]`);
}

/**
 * True where a batch is padding, from a mask [batch, length] that is 1 or true at real tokens; undefined without one.
 * @throws TensorError `shape` unless the mask has the shape of the ids, `dtype` for a floating mask
 */
export function paddingOf(model: string, name: string, mask: Tensor | undefined, ids: Tensor): Tensor | undefined {
  if (mask === undefined) return undefined;
  const dtype = mask instanceof Tensor ? mask.dtype : typeof mask;
  if (dtype !== "bool" && dtype !== "int32" && dtype !== "uint32") {
    throw new TensorError(
      "dtype",
      `${model}: ${name} must be integers or booleans (1 or true at real tokens), got ${dtype}, expected int32 or bool`,
      { op: model, field: name, got: dtype },
    );
  }
  checkShape(model, name, mask, ids.shape);
  return mask.logicalNot();
}

/**
 * How many real tokens each row has, int32 [batch], from a checked mask whose real tokens all come first.
 * @throws TensorError `argument` when the host knows of a real token after padding
 */
export function lengthsOf(model: string, name: string, mask: Tensor): Tensor {
  const length = mask.shape[1]!;
  const gap = hostValues(mask)?.findIndex((real, i, all) => i % length > 0 && real !== 0 && all[i - 1] === 0) ?? -1;
  if (gap < 0) return mask.ne(0).to("int32").sum(1);
  const [row, place] = [Math.floor(gap / length), gap % length];
  throw new TensorError(
    "argument",
    `${model}: ${name} must have its padding at the end, got a real token after padding in row ${row} at ${place}`,
    { op: model, field: name, row, place },
  );
}

/** `x` [batch, …] with zeros, and no gradient, for rows that are nothing but padding. */
export function zeroEmptyRows(x: Tensor, padding: Tensor | undefined): Tensor {
  if (!padding) return x;
  const empty = padding.all(1);
  return x.maskedFill(empty.reshape(empty.shape[0]!, ...x.shape.slice(1).map(() => 1)), 0);
}

const wrongShape = (model: string, name: string, got: Shape, expected: string): TensorError =>
  new TensorError("shape", `${model}: ${name} has the wrong shape, got [${got.join(", ")}], expected ${expected}`, {
    op: model,
    field: name,
    got,
    expected,
  });
