// A language of the C family, as a table: how it spells types, numbers, declarations, memory and scalar operations.
// The renderer knows nothing else about a language, so WGSL and CUDA differ in their tables and schedules only.

import type { DType } from "../../dtype.js";
import type { ScalarOp } from "../scalar-ops.js";

/** The types around an operation: of its result, and of its operands (of the last two for `select`). */
export type OperationTypes = { readonly result: DType; readonly operand: DType };

/** Asks for a helper function of the dialect and gives its name. */
export type NeedHelper = (name: string) => string;

/** Spells one operation. `args` are names or literals, never compound: they can be repeated and need no parentheses. */
export type Spelling = (args: readonly string[], types: OperationTypes, need: NeedHelper) => string;

/** A function that operations may call: its definition, and the helpers that it calls. */
export type Helper = { readonly source: string; readonly needs?: readonly string[] };

/** How a language writes what kernels are made of. */
export type Dialect = {
  /** The type of a value in a register. */
  readonly types: Readonly<Record<DType, string>>;
  /** A number as an expression of `type`: infinities, NaN and −0 included. */
  readonly literal: (value: number, type: DType) => string;
  /** Declares a name whose value never changes. */
  readonly constant: (type: DType, name: string, value: string) => string;
  /** Declares a name that is assigned to. */
  readonly variable: (type: DType, name: string, value: string) => string;
  /** The value of `type` at a place in memory (`x[i]`), where a bool takes four bytes. */
  readonly load: (type: DType, place: string) => string;
  /** A statement that puts a value into a place in memory. */
  readonly store: (type: DType, place: string, value: string) => string;
  /** Every scalar operation: a missing one does not compile. `detach` is never asked for. */
  readonly ops: Readonly<Record<Exclude<ScalarOp, "detach">, Spelling>>;
  /** Helper functions by name. */
  readonly helpers: Readonly<Record<string, Helper>>;
};
