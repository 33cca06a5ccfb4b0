// Plans held against what they promise, pair by pair, on random lifetimes.

import { describe, expect, test } from "vitest";
import { planMemory, type Temporary } from "./memory-plan.js";

const alignment = 64;

function randomTemporaries(seed: number): Temporary[] {
  let state = seed;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  return Array.from({ length: 1 + below(80) }, () => {
    const from = below(40);
    return { byteLength: below(2000), from, to: from + below(8) };
  });
}

const seeds = Array.from({ length: 100 }, (_, i) => i + 1);

describe("planMemory", () => {
  test.each([Number.POSITIVE_INFINITY, 4096, 1500])(
    "keeps apart what lives at once, in blocks of %d bytes",
    (limit) => {
      for (const seed of seeds) {
        const temporaries = randomTemporaries(seed);
        const { places, blockBytes } = planMemory(temporaries, alignment, limit);
        temporaries.forEach((a, i) => {
          const { block, byteOffset } = places[i]!;
          expect(byteOffset % alignment).toBe(0);
          expect(byteOffset + a.byteLength).toBeLessThanOrEqual(blockBytes[block]!);
          // Only what is larger than a block may be may have a larger one to itself.
          if (byteOffset > 0) expect(byteOffset + a.byteLength).toBeLessThanOrEqual(limit);
          temporaries.slice(0, i).forEach((b, j) => {
            const other = places[j]!;
            if (other.block !== block || a.from > b.to || b.from > a.to) return;
            const isApart =
              byteOffset + a.byteLength <= other.byteOffset || other.byteOffset + b.byteLength <= byteOffset;
            expect(isApart, `seed ${seed}: ${j} and ${i} overlap`).toBe(true);
          });
        });
      }
    },
  );

  test("uses memory again as soon as nobody needs it", () => {
    const chain = Array.from({ length: 10 }, (_, i) => ({ byteLength: 640, from: i, to: i + 1 }));
    expect(planMemory(chain, alignment, 1e6).blockBytes).toEqual([1280]);
  });

  test("puts the smaller one into the lowest gap that has room", () => {
    const { places } = planMemory(
      [
        { byteLength: 1024, from: 0, to: 1 },
        { byteLength: 512, from: 0, to: 3 },
        { byteLength: 256, from: 2, to: 3 },
      ],
      alignment,
      1e6,
    );
    expect(places.map((p) => p.byteOffset)).toEqual([0, 1024, 0]);
  });
});
