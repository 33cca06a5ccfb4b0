// Seeded choices for making cases. One seed, one case, on every machine.

import { seededNumbers, shuffled } from "@torchium/tensor/reference";

/** A stream of choices. */
export class Random {
  readonly seed: number;
  readonly #next: () => number;

  constructor(seed: number) {
    this.seed = seed;
    this.#next = seededNumbers(seed);
  }

  /** A number in [least, greatest). */
  number(least: number, greatest: number): number {
    return least + (greatest - least) * this.#next();
  }

  /** An integer from `least` to `greatest`, both included. */
  integer(least: number, greatest: number): number {
    return least + Math.floor(this.#next() * (greatest - least + 1));
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.#next() < p;
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)]!;
  }

  /** The items in another order. */
  shuffle<T>(items: readonly T[]): T[] {
    return shuffled(items, this.#next);
  }

  /** `count` seeds for streams that do not depend on each other. */
  seeds(count: number): number[] {
    return Array.from({ length: count }, () => this.integer(0, 2 ** 32 - 1));
  }
}
