// Random numbers as the samplers need them: a source is injected, so that a seed decides everything.
// Nothing here keeps state; the same source in the same state gives the same shuffles.

import { argumentError } from "@torchium/tensor";

/** A seeded stream of uniform numbers in [0, 1). It should carry at least 32 random bits a number. */
export interface RandomSource {
  /** The next number of the stream, 0 included, 1 excluded. */
  next(): number;
}

/** An integer drawn uniformly from `0 … bound - 1`. @throws `argument` when `bound` is not a positive integer. */
export function randomInt(random: RandomSource, bound: number): number {
  if (!Number.isSafeInteger(bound) || bound < 1) {
    throw argumentError("randomInt", "bound", "a positive integer", bound);
  }
  return Math.floor(random.next() * bound);
}

/** What can be shuffled: arrays and typed arrays of numbers. */
export interface MutableSequence<T> {
  readonly length: number;
  [index: number]: T;
}

/** Puts the items into a uniformly random order in place (Fisher and Yates, from the end); returns them. */
export function shuffleInPlace<S extends MutableSequence<unknown>>(items: S, random: RandomSource): S {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1));
    const held = items[i];
    items[i] = items[j];
    items[j] = held;
  }
  return items;
}

/** The numbers `0 … count - 1` in a uniformly random order. @throws `argument` when `count` is not a whole number. */
export function permutation(count: number, random: RandomSource): Int32Array {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw argumentError("permutation", "count", "a whole number", count);
  }
  const order = new Int32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  return shuffleInPlace(order, random);
}
