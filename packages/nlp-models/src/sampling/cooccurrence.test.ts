// Co-occurrence counts against brute force, in memory and through sorted runs; what happens at the limits.

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorLike, seededRandom } from "../test-helpers.js";
import {
  type CooccurrenceOptions,
  type Cooccurrences,
  cooccurrenceBatches,
  countCooccurrences,
  joinCooccurrences,
  streamCooccurrences,
} from "./cooccurrence.js";
import { fileSpillStore, type SpillStore } from "./spill.js";

type Row = readonly [target: number, context: number, count: number];

const rowsOf = ({ targetWords, contextWords, counts }: Cooccurrences): Row[] =>
  [...counts].map((count, i) => [targetWords[i] as number, contextWords[i] as number, count]);

/** Every pair of places of every line, by the definition. */
function bruteForce(lines: readonly (readonly number[])[], options: CooccurrenceOptions): Row[] {
  const { window = 10, symmetric = true, weighting = "inverse-distance" } = options;
  const sums = new Map<string, Row>();
  for (const line of lines) {
    line.forEach((target, i) => {
      line.forEach((context, j) => {
        const distance = Math.abs(i - j);
        if (distance === 0 || distance > window || (!symmetric && j > i)) return;
        const before = sums.get(`${target} ${context}`)?.[2] ?? 0;
        const weight = weighting === "uniform" ? 1 : 1 / distance;
        sums.set(`${target} ${context}`, [target, context, before + weight]);
      });
    });
  }
  return [...sums.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

const near = (rows: readonly Row[]) => rows.map(([i, j, count]) => [i, j, expect.closeTo(count, 10)]);

/** A store in memory whose pieces are cut at odd places. */
function memoryStore(pieceLength: number): SpillStore & { runs: number; cleared: boolean } {
  const store = {
    runs: 0,
    cleared: false,
    write: async (bytes: Uint8Array) => {
      store.runs++;
      return async function* () {
        for (let at = 0; at < bytes.length; at += pieceLength) yield bytes.subarray(at, at + pieceLength);
      };
    },
    clear: async () => {
      store.cleared = true;
    },
  };
  return store;
}

async function collect(pieces: AsyncIterable<Cooccurrences>): Promise<Cooccurrences[]> {
  const all: Cooccurrences[] = [];
  for await (const piece of pieces) all.push(piece);
  return all;
}

const linesOf = fc.array(fc.array(fc.nat({ max: 6 }), { maxLength: 9 }), { maxLength: 6 });
const optionsOf = fc.record({
  vocabSize: fc.constant(7),
  window: fc.integer({ min: 1, max: 5 }),
  symmetric: fc.boolean(),
  weighting: fc.constantFrom("inverse-distance" as const, "uniform" as const),
});

describe("countCooccurrences", () => {
  it("adds 1/distance to both sides, inside a line", () => {
    const lines = [[0, 1, 2], [2], [1, 1]];
    expect(rowsOf(countCooccurrences(lines, { vocabSize: 3 }))).toEqual([
      [0, 1, 1],
      [0, 2, 0.5],
      [1, 0, 1],
      [1, 1, 2],
      [1, 2, 1],
      [2, 0, 0.5],
      [2, 1, 1],
    ]);
  });

  it("can look to the left alone, as GloVe's -symmetric 0", () => {
    const rows = rowsOf(countCooccurrences([[0, 1, 2]], { vocabSize: 3, symmetric: false }));
    expect(rows).toEqual([
      [1, 0, 1],
      [2, 0, 0.5],
      [2, 1, 1],
    ]);
  });

  it("equals brute force", () => {
    fc.assert(
      fc.property(linesOf, optionsOf, (lines, options) => {
        expect(rowsOf(countCooccurrences(lines, options))).toEqual(near(bruteForce(lines, options)));
      }),
    );
  });

  it("holds more pairs than the table begins with", () => {
    const vocabSize = 400;
    const random = seededRandom(6);
    const lines = Array.from({ length: 60 }, () =>
      Array.from({ length: 50 }, () => Math.floor(random.next() * vocabSize)),
    );
    const rows = rowsOf(countCooccurrences(lines, { vocabSize }));
    expect(rows.length).toBeGreaterThan(20_000);
    expect(rows).toEqual(near(bruteForce(lines, { vocabSize })));
  });

  it.each([
    [{ vocabSize: 0 }, "vocabSize must be a positive integer, got 0"],
    [{ vocabSize: 3, window: 0 }, "window must be a positive integer, got 0"],
    [{ vocabSize: 3, maxPairs: 0.5 }, "maxPairs must be a positive integer, got 0.5"],
    [
      { vocabSize: 3, weighting: "linear" as "uniform" },
      'weighting must be "inverse-distance" or "uniform", got "linear"',
    ],
  ])("refuses %j", (options, message) => {
    expect(() => countCooccurrences([[0, 1]], options)).toThrow(
      errorLike("argument", `countCooccurrences: ${message}`),
    );
  });

  it("refuses ids outside the vocabulary", () => {
    const message = "countCooccurrences: id out of range, got 3, expected 0 to 2";
    expect(() => countCooccurrences([[0, 3]], { vocabSize: 3 })).toThrow(errorLike("index", message));
  });

  it("says what to do when there are too many pairs, inside one long line too", () => {
    const line = Array.from({ length: 1000 }, (_, i) => i);
    const message = "more than maxPairs = 50 different pairs; raise maxPairs, shrink the vocabulary";
    const count = () => countCooccurrences([line], { vocabSize: 1000, maxPairs: 50 });
    expect(count).toThrow(errorLike("out-of-memory", message));
  });
});

describe("streamCooccurrences", () => {
  it("gives what counting in memory gives, in order, whatever is spilled and however runs are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        linesOf,
        optionsOf,
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 40 }),
        async (lines, options, maxPairs, pieceLength) => {
          const store = memoryStore(pieceLength);
          const pieces = await collect(streamCooccurrences(lines, { ...options, maxPairs, store, chunkPairs: 5 }));
          expect(rowsOf(joinCooccurrences(pieces))).toEqual(near(bruteForce(lines, options)));
          expect(pieces.slice(0, -1).every((piece) => piece.counts.length === 5)).toBe(true);
          expect(store.cleared).toBe(true);
        },
      ),
    );
  });

  it("spills inside a long line, so that memory stays bounded", async () => {
    const store = memoryStore(64);
    const line = Array.from({ length: 200 }, (_, i) => i);
    const options = { vocabSize: 200, window: 2 };
    const pieces = await collect(streamCooccurrences([line], { ...options, maxPairs: 20, store }));
    expect(store.runs).toBeGreaterThan(10);
    expect(rowsOf(joinCooccurrences(pieces))).toEqual(near(bruteForce([line], options)));
  });

  it("takes lines as they arrive and writes no run when all fits", async () => {
    const store = memoryStore(64);
    const arriving = async function* () {
      yield* [
        [0, 1],
        [1, 2],
      ];
    };
    const pieces = await collect(streamCooccurrences(arriving(), { vocabSize: 3, store }));
    expect(rowsOf(joinCooccurrences(pieces))).toHaveLength(4);
    expect(store.runs).toBe(0);
  });

  it("empties the store when it fails or the caller stops", async () => {
    const failing = memoryStore(64);
    await expect(collect(streamCooccurrences([[0, 9]], { vocabSize: 3, store: failing }))).rejects.toThrow(
      errorLike("index", "streamCooccurrences: id out of range, got 9"),
    );
    expect(failing.cleared).toBe(true);
    const stopped = memoryStore(64);
    for await (const _ of streamCooccurrences([[0, 1, 2]], { vocabSize: 3, store: stopped, chunkPairs: 1 })) break;
    expect(stopped.cleared).toBe(true);
  });

  it("refuses pieces of nothing", async () => {
    const pieces = streamCooccurrences([], { vocabSize: 3, store: memoryStore(1), chunkPairs: 0 });
    await expect(pieces.next()).rejects.toThrow(errorLike("argument", "chunkPairs must be a positive integer, got 0"));
  });
});

describe("fileSpillStore", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "spill-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("keeps runs in files and leaves none behind", async () => {
    const random = seededRandom(9);
    const lines = Array.from({ length: 40 }, () => Array.from({ length: 30 }, () => Math.floor(random.next() * 50)));
    const store = fileSpillStore(folder);
    let files: string[] = [];
    const pieces: Cooccurrences[] = [];
    for await (const piece of streamCooccurrences(lines, { vocabSize: 50, maxPairs: 100, chunkPairs: 500, store })) {
      if (files.length === 0) files = await readdir(folder, { recursive: true });
      pieces.push(piece);
    }
    expect(files.filter((name) => name.endsWith(".run")).length).toBeGreaterThan(5);
    expect(rowsOf(joinCooccurrences(pieces))).toEqual(near(bruteForce(lines, { vocabSize: 50 })));
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("cooccurrenceBatches", () => {
  const pairs = countCooccurrences([[0, 1, 2, 3, 4]], { vocabSize: 5 });

  it("gives each pair once an epoch, in another order", () => {
    const batches = [...cooccurrenceBatches(pairs, 6, seededRandom(2))];
    expect(batches.map((batch) => batch.targetWords.length)).toEqual([6, 6, 6, 2]);
    const rows = batches.flatMap(({ targetWords, contextWords, cooccurrenceCounts }) =>
      [...targetWords].map((target, i) => [target, contextWords[i], cooccurrenceCounts[i]]),
    );
    const expected = rowsOf(pairs).map(([target, context, count]) => [target, context, Math.fround(count)]);
    expect(rows).not.toEqual(expected);
    expect(rows.map(String).sort()).toEqual(expected.map(String).sort());
  });

  it("refuses batches of nothing", () => {
    const batches = cooccurrenceBatches(pairs, 0, seededRandom(2));
    expect(() => batches.next()).toThrow(errorLike("argument", "batchSize must be a positive integer, got 0"));
  });
});
