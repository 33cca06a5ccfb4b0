// How the dense outputs of an anchor lie over its iteration space.

import type { AnchorName } from "../backend/backend.js";
import { unreachable } from "../errors.js";
import { contiguousStrides } from "../shape.js";
import type { Node } from "./node.js";

// Axes of the outputs among the last four of the space, where they are not simply the first ones.
const matrixAxes: Partial<Record<AnchorName, readonly (readonly number[])[]>> = {
  attention: [[0, 3], [0]],
  attentionGradient: [
    [0, 2],
    [1, 2],
    [1, 3],
  ],
};

/** Strides of an anchor's output over the anchor's iteration space. */
export function anchorOutputStrides(node: Node, output: number): readonly number[] {
  if (node.op.kind !== "anchor") return unreachable(`${node.op.kind} is no anchor`);
  const own = contiguousStrides(node.outputs[output]!.shape);
  const rank = node.sizes.length;
  const axes = matrixAxes[node.op.name]?.[output];
  if (!axes) return [...own, ...new Array<number>(rank - own.length).fill(0)];
  const strides = new Array<number>(rank).fill(0);
  const [row, column] = axes.map((axis) => rank - 4 + axis);
  const batch = Array.from({ length: rank - 4 }, (_, axis) => axis);
  // The heads of a matrix lie inside its rows.
  const order = column === undefined ? [...batch, row!] : [...batch.slice(0, -1), row!, ...batch.slice(-1), column];
  order.forEach((axis, i) => {
    strides[axis] = own[i]!;
  });
  return strides;
}
