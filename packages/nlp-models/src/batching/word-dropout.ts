// Word dropout: some words of the training data become the unknown word, so that the model learns what to do with it.

import { argumentError } from "@torchium/tensor";
import type { RandomSource } from "./random-source.js";

/** The ids, each replaced by `unknownId` with probability `rate`. @throws `argument` for a rate outside [0, 1]. */
export function dropWords(ids: readonly number[], rate: number, unknownId: number, random: RandomSource): number[] {
  if (!(rate >= 0 && rate <= 1)) throw argumentError("dropWords", "rate", "in [0, 1]", rate);
  return ids.map((id) => (random.next() < rate ? unknownId : id));
}
