// Batches of recipes that count in epochs. The order of an epoch follows from the seed and the epoch alone, so a resumed
// run meets the same batches.
import { SeededRandom } from "@torchium/nlp-models";

/** Which items the batch of a step holds. @param batchesOf the batches of an epoch, `perEpoch` of them each time */
export function batchesByStep(
  seed: number,
  perEpoch: number,
  batchesOf: (random: SeededRandom) => readonly (readonly number[])[],
): (step: number) => readonly number[] {
  let current = { epoch: -1, batches: [] as readonly (readonly number[])[] };
  return (step) => {
    const epoch = Math.floor(step / perEpoch);
    if (current.epoch !== epoch) current = { epoch, batches: batchesOf(new SeededRandom(seed * 1_000_003 + epoch)) };
    return current.batches[step % perEpoch]!;
  };
}
