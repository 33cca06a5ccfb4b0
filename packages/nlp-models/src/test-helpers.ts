// What several tests of this package need; nothing here is exported to users.

import { expect } from "vitest";
import { SeededRandom } from "./batching/seeded-random.js";

/** A random source for any integer seed. */
export function seededRandom(seed: number): SeededRandom {
  return new SeededRandom(seed >>> 0);
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
