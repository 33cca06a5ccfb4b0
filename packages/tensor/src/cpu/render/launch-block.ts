// The host's side of the parameter block: fills in what a launch's sizes and strides decide. Addresses and numbers,
// which change from one replay to the next, are left out; `base` and `scalar` of the layout say where they go.

import type { Kernel } from "../../backend/backend.js";
import { byteLengthOf } from "../../dtype.js";
import type { ParameterLayout } from "./parameters.js";
import type { Schedule } from "./render.js";

/** Bytes from one element of each operand to the next; 1 for an `index` operand, whose value is its address. */
export const unitsOf = ({ program }: Kernel): readonly number[] => [
  ...program.inputs.map((x) => (x.kind === "index" ? 1 : byteLengthOf(x.type))),
  ...program.outputs.map((o) => byteLengthOf(o.expr.type)),
];

/** Sizes of a launch as its schedule sees them. */
export type Extent = { readonly outerCount: number; readonly laneCount: number; readonly rowCount: number };

/** The extent of `sizes` under a schedule. */
export function extentOf(schedule: Schedule, sizes: readonly number[]): Extent {
  let outerCount = 1;
  for (let axis = 0; axis < schedule.laneAxis; axis++) outerCount *= sizes[axis]!;
  return { outerCount, laneCount: sizes[schedule.laneAxis]!, rowCount: sizes[sizes.length - 1]! };
}

/** Header words that say how a launch is shared out; 0 unless given. */
export type SplitWords = Partial<Readonly<Record<"splitLanes" | "scratchPitch" | "partials", number>>>;

/** A block with sizes and strides (in elements of `units` bytes) filled in, and the given header words. */
export function fillBlock(
  { schedule, layout }: { readonly schedule: Schedule; readonly layout: ParameterLayout },
  units: readonly number[],
  sizes: readonly number[],
  strides: readonly (readonly number[])[],
  split: SplitWords,
): number[] {
  const words = new Array<number>(layout.words).fill(0);
  const header = { ...extentOf(schedule, sizes), ...split };
  for (const word in header) words[layout.header(word as keyof typeof header)] = header[word as keyof typeof header]!;
  for (let axis = 0; axis < layout.outer; axis++) words[layout.size(axis)] = sizes[axis]!;
  for (let i = 0; i < layout.operands; i++) {
    const along = (axis: number): number => strides[i]![axis]! * units[i]!;
    words[layout.laneStride(i)] = along(schedule.laneAxis);
    words[layout.rowStride(i)] = along(sizes.length - 1);
    let rewind = 0;
    for (let axis = layout.outer - 1; axis >= 0; axis--) {
      words[layout.stride(i, axis)] = along(axis);
      words[layout.step(i, axis)] = along(axis) - rewind;
      rewind += (sizes[axis]! - 1) * along(axis);
    }
  }
  return words;
}
