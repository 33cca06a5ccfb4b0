// Counter-based random numbers: Philox 4x32-10 (Salmon et al., SC 2011) on 32-bit words, so every backend draws the
// same bits. One counter gives four words; element i of a stream takes word i mod 4 of counter i div 4.

import { constant, type Expr } from "./expr.js";
import * as s from "./scalar.js";

const multipliers = [0xd2511f53, 0xcd9e8d57] as const;
const weyl = [0x9e3779b9, 0xbb67ae85] as const;

/** The four words of `counter` under `key`, all uint32 expressions. */
export function philox(
  counter: readonly [Expr, Expr, Expr, Expr],
  key: readonly [Expr, Expr],
): readonly [Expr, Expr, Expr, Expr] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = s.mulHigh(c0, multipliers[0]);
    const low0 = s.mul(c0, multipliers[0]);
    const high1 = s.mulHigh(c2, multipliers[1]);
    const low1 = s.mul(c2, multipliers[1]);
    [c0, c1, c2, c3] = [s.xor(s.xor(high1, c1), k0), low1, s.xor(s.xor(high0, c3), k1), low0];
    k0 = s.add(k0, weyl[0]);
    k1 = s.add(k1, weyl[1]);
  }
  return [c0, c1, c2, c3];
}

/** Where a draw stands in its generator: the key (seed) and the stream (one number for every draw). */
export type RandomState = { readonly seedLow: Expr; readonly seedHigh: Expr; readonly stream: Expr };

/** The random word of element `index` (uint32) of a stream. */
export function randomWord(state: RandomState, index: Expr): Expr {
  const counter = s.shiftRight(index, 2);
  const zero = constant(0, "uint32");
  const words = philox([counter, zero, state.stream, zero], [state.seedLow, state.seedHigh]);
  const which = s.and(index, 3);
  const low = s.select(s.eq(which, 0), words[0], words[1]);
  const high = s.select(s.eq(which, 2), words[2], words[3]);
  return s.select(s.lt(which, 2), low, high);
}

/** A uniform float in [0, 1) with 24 random bits, from a word. */
export const uniformFromWord = (word: Expr, type: "float32" | "float64"): Expr =>
  s.mul(s.cast(s.shiftRight(word, 8), type), 2 ** -24);

/** A standard normal from two words, by Box and Muller. */
export function normalFromWords(first: Expr, second: Expr, type: "float32" | "float64"): Expr {
  // (0, 1] keeps the logarithm finite.
  const u = s.mul(s.add(s.cast(s.shiftRight(first, 8), type), 1), 2 ** -24);
  const radius = s.sqrt(s.mul(-2, s.log(u)));
  return s.mul(radius, s.cos(s.mul(2 * Math.PI, uniformFromWord(second, type))));
}
