// Generators of counter-based random numbers. A generator holds a seed and how many streams it has given out; every
// random tensor takes one stream, so its bits depend on nothing else.

import { argumentError, TensorError } from "./errors.js";

/** What a checkpoint keeps of a generator. */
export type GeneratorState = { readonly seed: number; readonly stream: number };

/** A seeded source of random streams. Equal seeds give equal bits on every backend. */
export class Generator {
  #low = 0;
  #high = 0;
  #seed = 0;
  #stream = 0;

  /** @param seed an integer from 0 to 2^53 − 1 */
  constructor(seed = 0) {
    this.manualSeed(seed);
  }

  /** Starts again from `seed`. @throws TensorError `argument` for anything but an integer in [0, 2^53) */
  manualSeed(seed: number): this {
    if (!Number.isSafeInteger(seed) || seed < 0)
      throw argumentError("manualSeed", "seed", "an integer from 0 to 2^53 - 1", seed);
    this.#seed = seed;
    this.#low = seed >>> 0;
    this.#high = Math.floor(seed / 2 ** 32) >>> 0;
    this.#stream = 0;
    return this;
  }

  /** The three launch scalars of the next stream: seed low and high words, stream number. */
  nextStream(): readonly [number, number, number] {
    const stream = this.#stream;
    this.#stream = (this.#stream + 1) % 2 ** 32;
    return [this.#low, this.#high, stream];
  }

  /** What to store in a checkpoint. */
  get state(): GeneratorState {
    return { seed: this.#seed, stream: this.#stream };
  }

  /** Continues where `state` was taken. @throws TensorError `format` when it is no generator state */
  set state(state: GeneratorState) {
    const { seed, stream } = state ?? {};
    if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(stream) || stream < 0) {
      throw new TensorError(
        "format",
        `Generator: the state needs an integer seed and stream, got ${JSON.stringify(state)}`,
      );
    }
    this.manualSeed(seed);
    this.#stream = stream;
  }
}

let current = new Generator(0);

/** The generator used where none is given. */
export const defaultGenerator = (): Generator => current;

/** Seeds the default generator. @throws TensorError `argument` */
export function manualSeed(seed: number): Generator {
  current = new Generator(seed);
  return current;
}
