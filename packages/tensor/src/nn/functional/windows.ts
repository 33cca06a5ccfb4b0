// The windows that a convolution or a pooling looks at, as one view: nothing is copied, and where windows share elements,
// their gradients are added up.

import { record, type Variable } from "../../autograd/variable.js";
import { regionOf, tracks, writeRegions, zerosOf } from "../../autograd/views.js";
import { TensorError } from "../../errors.js";
import { contiguous } from "../../shape.js";
import type { Tensor } from "../../tensor.js";

/** How windows lie along an axis: how many elements each has, how far apart these are, and how far apart the windows. */
export type Windows = { readonly size: number; readonly stride: number; readonly dilation: number };

/** How many elements of the axis a window spans. */
export const spanOf = ({ size, dilation }: Windows): number => (size - 1) * dilation + 1;

/** The whole windows along `axis`, which becomes two axes, [windows, size]. @throws TensorError `shape` when none fits */
export function windowsOf(op: string, x: Tensor, axis: number, windows: Windows): Tensor {
  const { size, stride, dilation } = windows;
  const length = x.shape[axis]!;
  const span = spanOf(windows);
  if (span > length) {
    throw new TensorError(
      "shape",
      `${op}: the padded input is shorter than a window, got ${length}, expected at least ${span}`,
      { op, got: length, expected: span },
    );
  }
  const count = Math.floor((length - span) / stride) + 1;
  const split = (sizes: readonly number[], pair: readonly number[]): number[] => [
    ...sizes.slice(0, axis),
    ...pair,
    ...sizes.slice(axis + 1),
  ];
  if (stride === size && dilation === 1) {
    return x.narrow(axis, 0, count * size).reshape(split(x.shape, [count, size]));
  }
  const { strides, offset } = x.layout;
  const step = strides[axis]!;
  const layout = {
    shape: split(x.shape, [count, size]),
    strides: split(strides, [step * stride, step * dilation]),
    offset,
  };
  const y = x.make({ value: x.value, layout, dtype: x.dtype, device: x.device });
  if (tracks([x])) {
    const backward = ([g]: readonly (Variable | undefined)[]) => [g && added(g as Tensor, axis, length, windows)];
    record([y], { name: "windows", inputs: [x], saved: [], backward });
  }
  return y;
}

/** Every element of windows [windows, size] added where it came from, on an axis of `length`. */
function added(g: Tensor, axis: number, length: number, { size, stride, dilation }: Windows): Tensor {
  const reach = (size - 1) * dilation;
  // Zeros around and between the windows: element k of what lies over a position is then that of a shifted slice.
  const shape = g.shape.map((d, i) => (i === axis ? length + reach : d));
  const region = regionOf(shape, axis, reach, g.shape[axis]!, stride);
  const spread = writeRegions("windowsBackward", shape, [zerosOf(g, shape), g], [contiguous(shape), region]);
  const over = (k: number): Tensor => spread.narrow(axis, reach - k * dilation, length).select(axis + 1, k);
  let sum = over(0);
  for (let k = 1; k < size; k++) sum = sum.add(over(k));
  return sum;
}
