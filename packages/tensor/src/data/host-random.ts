// Random numbers on the host, from the generator that devices draw from: word i of a stream has the same bits here and
// in a kernel (`kernel/philox.ts` is the same function on the device).

import { argumentError } from "../errors.js";
import { defaultGenerator, type Generator } from "../random.js";

const multipliers = [0xd2511f53, 0xcd9e8d57] as const;
const weyl = [0x9e3779b9, 0xbb67ae85] as const;

/** The upper half of the 64-bit product of two 32-bit words, in parts that a double holds exactly. */
function mulHigh(a: number, b: number): number {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const carry = a0 * b1 + (middle & 0xffff);
  return (a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/** Philox 4x32-10 (Salmon et al., SC 2011). */
function philox(counter: number, stream: number, low: number, high: number): readonly number[] {
  let [c0, c1, c2, c3, k0, k1] = [counter, 0, stream, 0, low, high];
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = [mulHigh(c0, multipliers[0]), Math.imul(c0, multipliers[0])];
    const [high1, low1] = [mulHigh(c2, multipliers[1]), Math.imul(c2, multipliers[1])];
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1 >>> 0, (high0 ^ c3 ^ k1) >>> 0, low0 >>> 0];
    k0 = (k0 + weyl[0]) >>> 0;
    k1 = (k1 + weyl[1]) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** One stream of a generator, read word by word. Taking the stream is all that changes the generator. */
export class HostRandom {
  readonly #low: number;
  readonly #high: number;
  readonly #stream: number;
  #counter = 0;
  #words: readonly number[] = [];

  /** @param generator the default generator unless given */
  constructor(generator: Generator = defaultGenerator()) {
    [this.#low, this.#high, this.#stream] = generator.nextStream();
  }

  /** The next 32 random bits, as an integer from 0 to 2^32 − 1. */
  word(): number {
    const at = this.#counter % 4;
    if (at === 0) this.#words = philox(this.#counter / 4, this.#stream, this.#low, this.#high);
    this.#counter++;
    return this.#words[at]!;
  }

  /** The next number, uniform in [0, 1), with 32 random bits. */
  next(): number {
    return this.word() * 2 ** -32;
  }

  /** An integer drawn uniformly from 0 … bound − 1. @throws TensorError `argument` for a bound outside 1 … 2^32 */
  integer(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
      throw argumentError("HostRandom.integer", "bound", "an integer from 1 to 2^32", bound);
    }
    // Words past the last whole multiple of the bound would favour small results.
    const end = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const word = this.word();
      if (word < end) return word % bound;
    }
  }
}

/**
 * The numbers 0 … count − 1 in a uniformly random order (Fisher and Yates), which the generator's state decides.
 * @throws TensorError `argument` when `count` is no whole number
 */
export function permutation(count: number, generator: Generator = defaultGenerator()): Int32Array {
  if (!Number.isInteger(count) || count < 0 || count >= 2 ** 31) {
    throw argumentError("permutation", "count", "an integer from 0 to 2^31 - 1", count);
  }
  const random = new HostRandom(generator);
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
