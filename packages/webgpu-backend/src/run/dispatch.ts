// What an executable turns a launch into: dispatches that know their shader, sizes and strides, and not yet their
// buffers.

import type { DType, Executable, Launch } from "@torchium/tensor/backend";
import { TensorError } from "@torchium/tensor/backend";
import type { Shader } from "../wgsl/module.js";
import type { ParamLayout } from "../wgsl/params.js";

/** Where an operand of a shader lies: in that of a launch, in scratch memory, in the words for faults. */
export type Place = { readonly kind: "operand"; readonly operand: number } | { readonly kind: "scratch" | "faults" };

/** One operand of a shader. */
export type Use = {
  readonly place: Place;
  readonly written: boolean;
  /** Elements from the start of the place to index (0, …, 0). */
  readonly offset: number;
};

/** One run of a shader. */
export type Dispatch = {
  readonly shader: Shader;
  readonly layout: ParamLayout;
  /** Parameters; starts of operands, scalars and the fault's place are filled in at each run. */
  readonly words: Uint32Array<ArrayBuffer>;
  /** Operands of the shader; undefined for those that it does not bind. The first are those of the layout. */
  readonly uses: readonly (Use | undefined)[];
  readonly groups: number;
};

/** What a launch runs. */
export type LaunchPlan = {
  readonly dispatches: readonly Dispatch[];
  /** Words of scratch memory that its dispatches share. */
  readonly scratchWords: number;
  /** Rows of the table whose ids are checked; undefined where there are none. */
  readonly guards?: number;
};

/** Something compiled: plans each of its launches from their sizes and strides alone. */
export abstract class GpuExecutable implements Executable {
  readonly key: string;
  /** Types of its launch scalars. */
  readonly scalars: readonly DType[];
  /** Types of a launch's operands; those that are not named take a word an element. */
  readonly types: readonly DType[];

  constructor(key: string, scalars: readonly DType[] = [], types: readonly DType[] = []) {
    this.key = key;
    this.scalars = scalars;
    this.types = types;
  }

  /** The dispatches of a launch. */
  abstract plan(launch: Pick<Launch, "sizes" | "operands" | "label">): LaunchPlan;
}

/** The use of operand `index` of a launch. */
export const useOf = ({ operands }: Pick<Launch, "operands">, index: number, written: boolean): Use => ({
  place: { kind: "operand", operand: index },
  written,
  offset: operands[index]!.offset,
});

/** The use of scratch memory from a word on. */
export const scratchAt = (offset: number): Use => ({ place: { kind: "scratch" }, written: true, offset });

/** The use of all scratch memory. */
export const scratchUse: Use = scratchAt(0);

/** Elements of a space. @throws TensorError `unsupported` beyond what a 32-bit index reaches. */
export function countOf(sizes: readonly number[], label: string): number {
  const count = sizes.reduce((a, b) => a * b, 1);
  if (count <= maxCount) return count;
  throw new TensorError("unsupported", `${label}: too many elements, got ${count}, expected at most ${maxCount}`);
}

const maxCount = 2 ** 31;
