// The random source for data on the host: small, fast, with a state that a checkpoint can hold.
// The same seed gives the same numbers on every machine; a restored state goes on bit for bit.

import { argumentError } from "@torchium/tensor";
import { formatError } from "../text/json-fields.js";
import type { RandomSource } from "./random-source.js";

/** Where a `SeededRandom` stands: four 32-bit words. */
export type SeededRandomState = readonly [number, number, number, number];

/** A seeded stream of uniform numbers with 32 random bits each: sfc32 (Doty-Humphrey, PractRand). */
export class SeededRandom implements RandomSource {
  private a = 0;
  private b = 0;
  private c = 0;
  private counter = 1;

  /** A stream that depends on the seed alone. @throws `argument` unless it is an integer from 0 to 2^53 - 1. */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw argumentError("SeededRandom", "seed", "an integer from 0 to 2^53 - 1", seed);
    }
    this.b = seed | 0;
    this.c = Math.floor(seed / 2 ** 32) | 0;
    // The first rounds only spread the seed over the state.
    for (let round = 0; round < 12; round++) this.next();
  }

  next(): number {
    const mixed = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + mixed) | 0;
    return (mixed >>> 0) / 2 ** 32;
  }

  /** What to store in a checkpoint. */
  get state(): SeededRandomState {
    return [this.a, this.b, this.c, this.counter];
  }

  /** Goes on where the state was taken. @throws `format` when it is not four 32-bit integers. */
  set state(state: SeededRandomState) {
    if (
      !Array.isArray(state) ||
      state.length !== 4 ||
      state.some((word) => !Number.isInteger(word) || word !== (word | 0))
    ) {
      throw formatError("SeededRandom", `the state is not four 32-bit integers, got ${JSON.stringify(state)}`);
    }
    [this.a, this.b, this.c, this.counter] = state;
  }
}
