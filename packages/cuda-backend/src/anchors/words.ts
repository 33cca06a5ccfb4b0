// Kernels that move elements without looking at them work on words of the element's size.

import { byteLengthOf, type DType, type HalfType } from "@torchium/tensor/backend";

/** The unsigned type that holds an element of a dtype in memory. */
export const wordOf = (type: DType): string =>
  ({ 2: "unsigned short", 4: "unsigned", 8: "unsigned long long" })[byteLengthOf(type)]!;

/** The type to add elements in: integers wrap around. */
export const sumType = (type: Exclude<DType, "bool" | HalfType>): string =>
  ({ float32: "float", float64: "double", int32: "unsigned", uint32: "unsigned" })[type];
