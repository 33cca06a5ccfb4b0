// Batches: every item once an epoch, orders that a seed decides, and resuming in the middle of an epoch.

import { describe, expect, it } from "vitest";
import { Generator, manualSeed, TensorError } from "../index.js";
import { DataLoader } from "./index.js";

const errorLike = (code: string, part: string) =>
  expect.toSatisfy((e) => TensorError.is(e, code as never) && (e as Error).message.includes(part));
const letters = [..."abcdefghij"];

describe("DataLoader", () => {
  it("cuts a dataset into batches, in order", () => {
    const loader = new DataLoader(letters, { batchSize: 4 });
    expect(loader.length).toBe(3);
    expect([...loader]).toEqual([
      ["a", "b", "c", "d"],
      ["e", "f", "g", "h"],
      ["i", "j"],
    ]);
    expect([...new DataLoader(letters, { batchSize: 4, dropLast: true })]).toHaveLength(2);
    expect([...new DataLoader([], { batchSize: 4 })]).toEqual([]);
  });

  it("gives every item once an epoch, in another order each, which the seed decides", () => {
    const epochs = (seed: number) => {
      const loader = new DataLoader(letters, { batchSize: 3, shuffle: true, generator: new Generator(seed) });
      return [1, 2, 3].map(() => [...loader].flat().join(""));
    };
    const first = epochs(1);
    for (const order of first) expect([...order].sort()).toEqual(letters);
    expect(new Set([...first, ...epochs(2)]).size).toBe(6);
    expect(epochs(1)).toEqual(first);
  });

  it("is seeded by the default generator", () => {
    const order = () => {
      manualSeed(3);
      return [...new DataLoader(letters, { shuffle: true })].flat().join("");
    };
    expect(order()).toBe(order());
  });

  it("makes batches with collate", () => {
    const loader = new DataLoader([1, 2, 3], { batchSize: 2, collate: (items) => items.reduce((a, b) => a + b) });
    expect([...loader]).toEqual([3, 3]);
  });

  it("starts a new epoch after one that was broken off", () => {
    const loader = new DataLoader(letters, { batchSize: 5, shuffle: true, generator: new Generator(9) });
    const whole = new DataLoader(letters, { batchSize: 5, shuffle: true, generator: new Generator(9) });
    const epochs = [1, 2].map(() => [...whole].flat());
    for (const batch of loader) {
      expect(batch).toEqual(epochs[0]!.slice(0, 5));
      break;
    }
    expect([...loader].flat()).toEqual(epochs[1]);
  });

  it.each([0, 1, 3, 4, 5, 8, 11])("resumes after %d batches as if it had not stopped", (stopAt) => {
    const make = (seed: number) =>
      new DataLoader(letters, { batchSize: 3, shuffle: true, generator: new Generator(seed) });
    const run = (loader: DataLoader<string>, batches: number) => {
      const seen: string[] = [];
      if (batches === 0) return seen;
      for (;;) {
        for (const batch of loader) {
          seen.push(batch.join(""));
          if (seen.length === batches) return seen;
        }
      }
    };
    const expected = run(make(4), 14);
    const before = make(4);
    const seen = run(before, stopAt);
    const after = make(99);
    after.loadStateDict(JSON.parse(JSON.stringify(before.stateDict())));
    expect([...seen, ...run(after, 14 - stopAt)]).toEqual(expected);
  });

  it.each([
    [() => new DataLoader(letters, { batchSize: 0 }), "argument", "batchSize must be an integer of at least 1, got 0"],
    [() => new DataLoader(letters, { batchSize: Number.NaN }), "argument", "got NaN"],
    [() => new DataLoader(undefined as never), "argument", "the dataset must be an array"],
    [() => new DataLoader(letters).loadStateDict({} as never), "format", "needs whole numbers"],
    [
      () => new DataLoader(letters).loadStateDict({ seed: 0, epoch: 0, position: 0, items: 9 }),
      "format",
      "got 9 items, expected 10",
    ],
  ])("says what is wrong: %#", (act, code, message) => {
    expect(act).toThrow(errorLike(code, message));
  });
});
