// One walk over the pending graph: its nodes in a fixed order, and two integer signatures. `structure` names the plan
// (operations, wiring, layout classes); `dimensions` names the sizes, strides and offsets it is bound to.

import { allDTypes } from "../dtype.js";
import { isContiguous, type Layout } from "../shape.js";
import type { Node, Storage } from "./node.js";

/** A value to be realized. `into` is the storage an update overwrites, `target` the leaf it held until now. */
export type Root = {
  readonly node: Node;
  readonly index: number;
  readonly into?: { readonly storage: Storage; readonly target: Node } | undefined;
};

/** A growing array of 32-bit integers with a running hash. */
class Signature {
  words = new Int32Array(4096);
  length = 0;
  hash = 0x811c9dc5 | 0;
  reset(): void {
    this.length = 0;
    this.hash = 0x811c9dc5 | 0;
  }
  push(v: number): void {
    if (this.length === this.words.length) {
      const wider = new Int32Array(this.words.length * 2);
      wider.set(this.words);
      this.words = wider;
    }
    this.words[this.length++] = v;
    this.hash = Math.imul(this.hash ^ v, 0x01000193);
  }
  equals(other: Int32Array): boolean {
    if (other.length !== this.length) return false;
    for (let i = 0; i < other.length; i++) if (other[i] !== this.words[i]) return false;
    return true;
  }
  copy(): Int32Array {
    return this.words.slice(0, this.length);
  }
}

let epoch = 0;

/** Walks graphs; its buffers are reused from walk to walk. */
export class GraphWalk {
  readonly structure = new Signature();
  readonly dimensions = new Signature();
  /** Every node reached, operands first; `node.slot` is its place. */
  order: Node[] = [];

  /** @returns false when nothing is pending. */
  walk(roots: readonly Root[]): boolean {
    const { structure, dimensions } = this;
    structure.reset();
    dimensions.reset();
    const order: Node[] = [];
    this.order = order;
    const now = ++epoch;
    let pending = 0;
    const stack: Node[] = [];
    for (const root of roots) {
      stack.push(root.node);
      if (root.into) stack.push(root.into.target);
      while (stack.length > 0) {
        const n = stack[stack.length - 1]!;
        if (n.mark === now) {
          stack.pop();
          continue;
        }
        if (n.mark === -now || n.inputs.length === 0 || n.storage) {
          stack.pop();
          n.mark = now;
          n.slot = order.length;
          order.push(n);
          if (n.op.kind === "leaf" || n.storage) this.#leaf(n);
          else {
            pending++;
            this.#node(n);
          }
          continue;
        }
        n.mark = -now;
        n.resolveInputs();
        for (let i = n.inputs.length - 1; i >= 0; i--) {
          const x = n.inputs[i]!.node;
          if (x && x.mark !== now) stack.push(x);
        }
      }
    }
    for (const root of roots) {
      structure.push(root.node.slot);
      structure.push(root.index);
      structure.push(root.into ? root.into.target.slot : -1);
    }
    return pending > 0;
  }

  #leaf(n: Node): void {
    const { shape, dtype } = n.outputs[0]!;
    this.structure.push(-1 - allDTypes.indexOf(dtype));
    this.structure.push(shape.length);
  }

  #node(n: Node): void {
    const { structure, dimensions } = this;
    structure.push(n.op.id);
    structure.push(n.sizes.length);
    for (const size of n.sizes) dimensions.push(size);
    for (const x of n.inputs) {
      structure.push(x.node ? x.node.slot * 8 + x.index : -1);
      this.#layout(x.layout);
    }
    for (const region of n.regions) this.#layout(region);
  }

  #layout(layout: Layout): void {
    const { structure, dimensions } = this;
    if (isContiguous(layout)) {
      structure.push(-2);
      for (const size of layout.shape) dimensions.push(size);
      return;
    }
    let zeros = 0;
    for (let i = 0; i < layout.strides.length; i++) {
      zeros = zeros * 2 + (layout.strides[i] === 0 && layout.shape[i] !== 1 ? 1 : 0);
      dimensions.push(layout.shape[i]!);
      dimensions.push(layout.strides[i]!);
    }
    dimensions.push(layout.offset);
    structure.push(zeros);
  }
}
