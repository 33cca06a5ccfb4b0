// What a launch is turned into: steps, each a kernel function with a parameter block. Sizes and strides are in the
// block already; addresses and numbers, which may change at every replay, are listed to be filled in.

import type { Executable, Launch } from "../../backend/backend.js";
import type { DType } from "../../dtype.js";

/** A word of a block that holds the address of an operand plus `byteOffset`. */
export type AddressWord = { readonly word: number; readonly operand: number; readonly byteOffset: number };

/** A word, or for float64 two, that hold a launch scalar. */
export type ScalarWord = { readonly word: number; readonly scalar: number; readonly type: DType };

/** A word that holds an address in the launch's scratch memory. */
export type ScratchWord = { readonly word: number; readonly byteOffset: number };

/**
 * A packed operand that a step leaves in its threads' space, where the next step that uses the space may find it. Steps of equal
 * `form` pack the same elements of their operands in the same way.
 */
export type KeptOperand = {
  /** The word of the block that says so: see `keeping` in `gemm/params.ts`. */
  readonly word: number;
  readonly operand: number;
  readonly form: string;
};

/** One call of a kernel function. */
export type Step = {
  /** Index in the pool. */
  readonly kernel: number;
  readonly block: ArrayLike<number>;
  readonly addresses: readonly AddressWord[];
  readonly scalars: readonly ScalarWord[];
  readonly scratch: readonly ScratchWord[];
  /** Whether all threads run it, each its share. */
  readonly parallel: boolean;
  /** Estimated time on one thread. */
  readonly nanoseconds: number;
  /**
   * A word to which so many bytes are added for each thread before the one that runs the step alone: the address of the threads'
   * space, which all that have one share.
   */
  readonly threadSpace?: { readonly word: number; readonly bytes: number };
  /** Only with a `threadSpace`. */
  readonly kept?: KeptOperand;
  /** For steps that check ids: the word where faults are noted (see `faults.ts`), and how many rows there are. */
  readonly faults?: { readonly word: number; readonly tableRows: number };
};

/** The steps of a launch and the scratch memory they share. Steps of one phase are independent; phases run in order. */
export type Work = { readonly phases: readonly (readonly Step[])[]; readonly scratchBytes: number };

/** What `compile` and `anchor` of the CPU backend give. */
export interface CpuExecutable extends Executable {
  /** Plans a launch; looks at sizes, strides and offsets only. */
  plan(launch: Launch, crew: Crew): Work;
}

/** Who runs the work. */
export type Crew = {
  readonly threads: number;
  /** Steps estimated to take less than this are not shared out. */
  readonly parallelNanoseconds: number;
};
