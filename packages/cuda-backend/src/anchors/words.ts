// Kernels that move elements without looking at them work on words of the element's size.

import { byteLengthOf, type DType } from "@torchium/tensor/backend";

/** The unsigned type that holds an element of a dtype in memory. */
export const wordOf = (type: DType): string => (byteLengthOf(type) === 8 ? "unsigned long long" : "unsigned");

/** The type to add elements in: integers wrap around. */
export const sumType = (type: Exclude<DType, "bool">): string =>
  ({ float32: "float", float64: "double", int32: "unsigned", uint32: "unsigned" })[type];
