// The parameter block: where a kernel finds the sizes, strides, addresses and numbers of one launch. The host fills it
// and the kernel reads it, both through this one description, so that no size is ever part of the code.

import type { DType } from "../../dtype.js";

/** Words before the operands. Words are 32-bit. */
const header = {
  /** Positions of the outer axes together. */
  outerCount: 0,
  /** Elements along the axis that vectors run along. */
  laneCount: 1,
  /** Elements in the row. */
  rowCount: 2,
  /** Whether threads share out the lanes (1) or the outer positions (0). */
  splitLanes: 3,
  /** Address of the scratch memory, and bytes of it that one partial result takes. */
  scratch: 4,
  scratchPitch: 5,
  /** Partial results to combine. */
  partials: 6,
} as const;

const headerWords = 8;

/** Name of a word in the header. */
export type HeaderWord = keyof typeof header;

/**
 * Where each word of a block lies, in words from its start, for `outer` axes walked one by one, `operands` (inputs,
 * then outputs) and launch scalars.
 */
export class ParameterLayout {
  readonly outer: number;
  readonly operands: number;
  readonly scalars: readonly DType[];

  constructor(outer: number, operands: number, scalars: readonly DType[]) {
    this.outer = outer;
    this.operands = operands;
    this.scalars = scalars;
  }

  /** Words of a whole block. */
  get words(): number {
    return this.scalar(this.scalars.length);
  }

  header(word: HeaderWord): number {
    return header[word];
  }

  /** Size of outer axis `axis`. */
  size(axis: number): number {
    return headerWords + axis;
  }

  /** Byte address of an operand's first element; of an `index` operand, its first value. */
  base(operand: number): number {
    return headerWords + this.outer + operand * (3 + 2 * this.outer);
  }

  /** Stride along the lanes: bytes, or units for an `index` operand, as all strides here. */
  laneStride(operand: number): number {
    return this.base(operand) + 1;
  }

  /** Stride along the row. */
  rowStride(operand: number): number {
    return this.base(operand) + 2;
  }

  /** Stride along outer axis `axis`. */
  stride(operand: number, axis: number): number {
    return this.base(operand) + 3 + axis;
  }

  /** What to add when outer axis `axis` moves on by one and those after it start anew. */
  step(operand: number, axis: number): number {
    return this.base(operand) + 3 + this.outer + axis;
  }

  /** Launch scalar `index`: two words, the second only for float64. */
  scalar(index: number): number {
    return (this.base(this.operands) + 2 * index + 1) & ~1;
  }
}
