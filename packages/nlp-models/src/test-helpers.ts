// What several tests of this package need; nothing here is exported to users.

import { expect } from "vitest";
import type { RandomSource } from "./batching/random-source.js";

/** A small seeded source (mulberry32), so that a test's numbers do not depend on the core's generator. */
export function seededRandom(seed: number): RandomSource {
  let state = seed | 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}

/** Matches a TensorError by its code and a part of its message. */
export function errorLike(code: string, message: string): Error {
  return expect.objectContaining({ name: "TensorError", code, message: expect.stringContaining(message) });
}

/** A text as the UTF-8 bytes of pieces of this length, as a stream delivers them. */
export async function* inPieces(text: string, length: number): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}
