// The error for a value whose data has been overwritten or freed.

import { TensorError } from "../errors.js";
import type { Node } from "./node.js";
import type { Root } from "./signature.js";

/** The one of `roots` that is computed from a node. */
export function rootAbove(n: Node, roots: readonly Root[]): Node {
  const seen = new Set<Node>();
  const reaches = (from: Node): boolean => {
    const open = [from];
    for (let at = open.pop(); at && at !== n; at = open.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      for (const { node } of at.inputs) if (node) open.push(node);
      if (at.inputs.some((x) => x.node === n)) return true;
    }
    return from === n;
  };
  return roots.find((root) => reaches(root.node))?.node ?? n;
}

/** The error for a value that is computed from data which is gone. */
export function staleError(data: Node, value = data): TensorError {
  const { stale } = data;
  const op = value.origin ?? (value.op.kind === "leaf" ? undefined : value.op.label);
  const what = op === undefined ? "tensor: this value" : `${op}: the result of this operation`;
  const remedy = `await its data() before ${stale}, or keep(tensor) it to read it later`;
  const message = `${what} is gone, or depends on data that ${stale} has overwritten or freed; ${remedy}`;
  return new TensorError("stale-tensor", message, { op, by: stale });
}
