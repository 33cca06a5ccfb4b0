// Continuing rows together must give what continuing each alone gives.

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../batching/seeded-random.js";
import { continueRows } from "./continue-rows.js";
import type { SamplingOptions } from "./sampling.js";
import { arbitraryLogits, FunctionSession } from "./test-session.js";

const logitsOf = arbitraryLogits(9);

async function run(
  prompts: number[][],
  options: SamplingOptions & { stopIds?: number[]; maxNewTokens?: number },
  seeds = prompts.map((_, i) => i),
): Promise<{ made: number[][]; session: FunctionSession }> {
  const session = new FunctionSession(logitsOf);
  const made = prompts.map((): number[] => []);
  const rules = { maxNewTokens: 12, ...options, stopIds: new Set(options.stopIds) };
  const randoms = seeds.map((seed) => new SeededRandom(seed));
  for await (const { row, id } of continueRows(session, prompts, rules, randoms)) made[row]!.push(id);
  return { made, session };
}

describe("continueRows", () => {
  const prompts = [[1, 2, 3], [4], [5, 6], [7, 8, 0, 1, 2]];

  it.each<[string, SamplingOptions]>([
    ["greedy", { greedy: true }],
    ["drawn", { temperature: 1.3 }],
    ["cut", { topK: 4, topP: 0.9 }],
  ])("gives each row what it gives alone: %s", async (_, options) => {
    const { made } = await run(prompts, { ...options, stopIds: [3] });
    for (const [i, prompt] of prompts.entries()) {
      expect((await run([prompt], { ...options, stopIds: [3] }, [i])).made[0]).toEqual(made[i]);
    }
  });

  it("gives the most likely tokens one after the other", async () => {
    const { made } = await run([[1, 2]], { greedy: true });
    const ids = [1, 2];
    for (let i = 0; i < 12; i++) {
      const logits = logitsOf(ids);
      ids.push(logits.indexOf(Math.max(...logits)));
    }
    expect(made[0]).toEqual(ids.slice(2));
  });

  it("stops at a stop id, which does not come out, and leaves the row", async () => {
    const free = (await run(prompts, { greedy: true })).made;
    const stop = free[1]![4]!;
    const { made, session } = await run(prompts, { greedy: true, stopIds: [stop] });
    made.forEach((row, i) => {
      const at = free[i]!.indexOf(stop);
      expect(row).toEqual(at < 0 ? free[i] : free[i]!.slice(0, at));
    });
    expect(session.fedRows.at(-1)).toBeLessThan(prompts.length);
  });

  it("makes no more than asked for", async () => {
    expect((await run(prompts, { maxNewTokens: 3 })).made.map((row) => row.length)).toEqual([3, 3, 3, 3]);
    const none = await run(prompts, { maxNewTokens: 0 });
    expect(none.made).toEqual([[], [], [], []]);
    expect(none.session.fedRows).toEqual([]);
  });

  it("does not feed the last token, whose logits nobody needs", async () => {
    expect((await run([[1]], { maxNewTokens: 3 })).session.fedRows).toEqual([1, 1, 1]);
  });
});
