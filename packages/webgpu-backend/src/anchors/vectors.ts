// When an operand can be read and written four words at a time.

import type { LaunchOperand } from "@torchium/tensor/backend";

/** Whether an operand is dense along `axis` and its vectors of four start where those of memory do. */
export const isVectorAlong = ({ strides, offset }: Pick<LaunchOperand, "strides" | "offset">, axis: number): boolean =>
  strides[axis] === 1 && offset % 4 === 0 && strides.every((s, i) => i === axis || s % 4 === 0);
