// The values of a graph by number: the outputs of its nodes in order, then scratch memory that is no node's. Dense, so that what
// is known of a value stands in an array.

import { byteLengthOf } from "../dtype.js";
import { sizeOf } from "../shape.js";
import type { Node } from "./node.js";

/** An operand that is no value, such as an index. */
export const noValue = -1;

/** Numbers for the values of a graph whose nodes' slots are their places in `order`. */
export class Values {
  readonly #order: readonly Node[];
  readonly #firstOf: Int32Array;
  readonly #slotOf: number[] = [];
  readonly #scratch: number[] = [];

  constructor(order: readonly Node[]) {
    this.#order = order;
    this.#firstOf = new Int32Array(order.length);
    order.forEach(({ outputs }, slot) => {
      this.#firstOf[slot] = this.#slotOf.length;
      for (let k = 0; k < outputs.length; k++) this.#slotOf.push(slot);
    });
  }

  /** How many there are: values are the numbers below. */
  get count(): number {
    return this.#slotOf.length + this.#scratch.length;
  }

  /** Output `index` of a node. */
  of({ slot }: Node, index: number): number {
    return this.#firstOf[slot]! + index;
  }

  /** A new value of so many bytes that is no node's. */
  scratch(byteLength: number): number {
    return this.#slotOf.length + this.#scratch.push(byteLength) - 1;
  }

  /** The slot of the node that a value belongs to. */
  slotOf(value: number): number {
    return this.#slotOf[value]!;
  }

  /** Bytes of scratch memory or of a pending node's output; undefined for data. */
  byteLengthOf(value: number): number | undefined {
    const slot = this.#slotOf[value];
    if (slot === undefined) return this.#scratch[value - this.#slotOf.length];
    const node = this.#order[slot]!;
    if (node.op.kind === "leaf" || node.storage) return undefined;
    const { shape, dtype } = node.outputs[value - this.#firstOf[slot]!]!;
    return sizeOf(shape) * byteLengthOf(dtype);
  }
}
