// A seeded stream of random numbers for the data the project makes itself. The same seed gives the same data on
// every machine, so only 32-bit integer operations are used.
import type { RandomSource } from "@torchium/nlp-models";

/** A stream of uniform numbers in [0, 1): sfc32 by Chris Doty-Humphrey (PractRand). */
export function seededRandom(seed: number): RandomSource {
  let [a, b, c, counter] = [0, seed | 0, 0x9e3779b9 | 0, 1];
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  // The first rounds still show the seed.
  for (let round = 0; round < 15; round++) next();
  return { next };
}

/** One of the items, each as likely as the others. */
export function pick<T>(items: readonly T[], random: RandomSource): T {
  return items[Math.floor(random.next() * items.length)];
}
