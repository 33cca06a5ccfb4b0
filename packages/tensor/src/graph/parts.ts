// Values that only a place in a larger array needs: they are written there at once, where `cat` would copy them to.

import { isContiguous, type Layout, sizeOf } from "../shape.js";
import type { Node } from "./node.js";
import type { Root } from "./signature.js";
import type { Values } from "./values.js";

/** A value's place in the one array that needs it. */
export type Part = { readonly whole: Node; readonly region: Layout };

/** Whether the regions of a node fill it without overlapping: those of `cat` do, those over a background do not. */
export const isTiled = (node: Node): boolean =>
  node.regions.reduce((total, region) => total + sizeOf(region.shape), 0) === sizeOf(node.outputs[0]!.shape);

/** Results of programs that a node with regions reads whole and in order, and nothing else does. */
export function partsOf(order: readonly Node[], roots: readonly Root[], values: Values): ReadonlyMap<number, Part> {
  const parts = new Map<number, Part>();
  const wholes = order.filter((n) => !n.storage && n.op.kind === "regions" && isTiled(n));
  if (wholes.length === 0) return parts;
  const uses = new Int32Array(values.count);
  for (const n of order) {
    if (n.storage) continue;
    for (const x of n.inputs) if (x.node) uses[values.of(x.node, x.index)]!++;
  }
  for (const r of roots) uses[values.of(r.node, r.index)]!++;
  for (const whole of wholes) {
    whole.inputs.forEach(({ node, index, layout }, i) => {
      const value = values.of(node!, index);
      const isPending = node!.op.kind === "program" && !node!.storage;
      const isWhole = isContiguous(layout) && sizeOf(layout.shape) === sizeOf(node!.outputs[index]!.shape);
      if (isPending && isWhole && uses[value] === 1) parts.set(value, { whole, region: whole.regions[i]! });
    });
  }
  return parts;
}
