// The values of leaves in text: operands in memory, operands that are positions, scalars, the length of the row.

import { type DType, isHalf, type Leaf, type Program } from "@torchium/tensor/backend";
import { wgsl } from "../wgsl/dialect.js";
import { literal } from "../wgsl/literals.js";
import { type ParamLayout, wordText } from "../wgsl/params.js";

/** A number of 32 bits (`u32` in text) as a value of a type: positions and sizes. */
function fromIndex(type: DType, word: string): string {
  switch (type) {
    case "int32":
      return `bitcast<i32>(${word})`;
    case "uint32":
      return word;
    case "bool":
      return `(${word}) != 0u`;
    default:
      return `f32(bitcast<i32>(${word}))`;
  }
}

/** The value of a leaf that is the same for the whole launch, or undefined for operands and reductions. */
export function launchLeaf(leaf: Leaf, layout: ParamLayout): string | undefined {
  if (leaf.kind === "scalar") return wgsl.load(leaf.type, wordText(layout.scalar(leaf.index)));
  if (leaf.kind === "rowSize") return fromIndex(leaf.type, wordText(layout.size(layout.rank - 1)));
  return undefined;
}

/** The value of an input at an address: the address itself, or what `read` gives for the input's type. */
export const operandValue = (
  program: Program,
  index: number,
  address: string,
  read: (type: DType) => string,
): string => {
  const { kind, type } = program.inputs[index]!;
  return kind === "index" ? fromIndex(type, address) : read(type);
};

/** Which operands of a program are written by the half word, where threads write their elements one by one. */
export const writtenHalves = ({ inputs, outputs }: Program): boolean[] => [
  ...inputs.map(() => false),
  ...outputs.map(({ expr }) => isHalf(expr.type)),
];

/** Zero of a type in text. */
export const zero = (type: DType): string => literal(0, type);
