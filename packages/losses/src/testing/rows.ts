// The table of losses that every property is tested on.

import { classRows } from "./class-rows.js";
import { pairRows } from "./pair-rows.js";
import type { LossRow } from "./row.js";
import { sequenceRows } from "./sequence-rows.js";
import { vectorRows } from "./vector-rows.js";

/** One row a loss. */
export const rows: readonly LossRow[] = [...classRows, ...pairRows, ...vectorRows, ...sequenceRows];
