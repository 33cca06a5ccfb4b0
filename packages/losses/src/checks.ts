// Checks of what a loss is given, so that the error names the loss and the argument and not some operation inside.

import { argumentError, type Shape, shapeError, Tensor, TensorError } from "@torchium/tensor";

/** Named arguments of a loss. */
export type Arguments = Readonly<Record<string, Tensor>>;

const shown = (shape: Shape): string => `[${shape.join(", ")}]`;

/** @throws TensorError `argument` for anything that is no tensor */
export function checkTensors(loss: string, args: Arguments): void {
  for (const [name, value] of Object.entries(args)) {
    if (!(value instanceof Tensor)) throw argumentError(loss, name, "a tensor", value === null ? "null" : typeof value);
  }
}

/** @throws TensorError `argument`, or `dtype` for a tensor of integers or bools */
export function checkFloats(loss: string, args: Arguments): void {
  checkTensors(loss, args);
  for (const [name, { dtype }] of Object.entries(args)) {
    if (dtype.includes("float")) continue;
    throw new TensorError("dtype", `${loss}: ${name} must be floating, got ${dtype}, expected a floating dtype`, {
      op: loss,
      field: name,
      got: dtype,
    });
  }
}

/** @throws TensorError `dtype` unless every tensor holds integers */
export function checkIntegers(loss: string, args: Arguments): void {
  checkTensors(loss, args);
  for (const [name, { dtype }] of Object.entries(args)) {
    if (dtype.endsWith("int32")) continue;
    throw new TensorError("dtype", `${loss}: ${name} must hold integers, got ${dtype}, expected int32`, {
      op: loss,
      field: name,
      got: dtype,
    });
  }
}

/** @throws TensorError `shape` unless the tensor has the shape; -1 stands for any size */
export function checkShape(loss: string, name: string, value: Tensor, expected: Shape): void {
  const fits = value.ndim === expected.length && value.shape.every((d, i) => expected[i] === -1 || d === expected[i]);
  if (fits) return;
  const wanted = shown(expected).replaceAll("-1", "any");
  throw new TensorError(
    "shape",
    `${loss}: ${name} has the wrong shape, got ${shown(value.shape)}, expected ${wanted}`,
    {
      op: loss,
      field: name,
      got: value.shape,
      expected,
    },
  );
}

/** @throws TensorError `shape` when the logits [N, C], [N, C, d…] or [C] have another number of classes than said */
export function checkClasses(loss: string, input: Tensor, target: Tensor, classes: number | undefined): void {
  checkTensors(loss, { input, target });
  const found = input.shape[input.ndim === 1 ? 0 : 1];
  if (classes === undefined || found === classes) return;
  throw shapeError(loss, `input must have ${classes} classes (numClasses)`, [input.shape]);
}
