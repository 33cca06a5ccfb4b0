// Beam search against enumeration of every sequence, and against greedy search with one beam.

import { describe, expect, it } from "vitest";
import { beamSearch, type Hypothesis } from "./beam-search.js";
import { likeliest, logProbabilities } from "./sampling.js";
import { arbitraryLogits, FunctionSession, type LogitsOf } from "./test-session.js";

type Rules = { beams: number; maxNewTokens: number; stopIds?: number[]; lengthPenalty?: number };

const search = (logitsOf: LogitsOf, prompts: number[][], { lengthPenalty = 1, stopIds = [], ...rules }: Rules) =>
  beamSearch(new FunctionSession(logitsOf), prompts, { lengthPenalty, ...rules, stopIds: new Set(stopIds) });

/** The best of all sequences that stop or reach the length. */
function bestOfAll(logitsOf: LogitsOf, prompt: number[], vocabulary: number, rules: Required<Rules>): Hypothesis {
  let best: Hypothesis = { ids: [], score: Number.NEGATIVE_INFINITY };
  const visit = (ids: number[], sum: number): void => {
    const steps = logProbabilities(logitsOf([...prompt, ...ids]));
    for (let id = 0; id < vocabulary; id++) {
      const total = sum + steps[id]!;
      const length = ids.length + 1;
      const stopped = rules.stopIds.includes(id);
      if (!stopped && length < rules.maxNewTokens) {
        visit([...ids, id], total);
        continue;
      }
      const score = total / length ** rules.lengthPenalty;
      if (score > best.score) best = { ids: stopped ? ids : [...ids, id], score };
    }
  };
  visit([], 0);
  return best;
}

describe("beamSearch", () => {
  const prompts = [
    [1, 2],
    [3, 0],
    [2, 2],
  ];

  it.each([0, 0.6, 1, 2])(
    "with enough beams finds the best of all sequences: length penalty %d",
    async (lengthPenalty) => {
      const rules = { beams: 300, maxNewTokens: 5, stopIds: [2], lengthPenalty };
      for (const spread of [0.5, 2, 4]) {
        const logitsOf = arbitraryLogits(4, spread);
        const found = await search(logitsOf, prompts, rules);
        prompts.forEach((prompt, i) => {
          const best = bestOfAll(logitsOf, prompt, 4, rules);
          expect(found[i]!.ids).toEqual(best.ids);
          expect(found[i]!.score).toBeCloseTo(best.score, 9);
        });
      }
    },
  );

  it("with one beam is greedy search", async () => {
    const logitsOf = arbitraryLogits(11);
    const [found] = await search(logitsOf, [[4]], { beams: 1, maxNewTokens: 8 });
    const ids = [4];
    for (let i = 0; i < 8; i++) ids.push(likeliest(logitsOf(ids)));
    expect(found!.ids).toEqual(ids.slice(1));
  });

  it("gives each prompt what it gives alone", async () => {
    const logitsOf = arbitraryLogits(11);
    const rules = { beams: 3, maxNewTokens: 7, stopIds: [5, 6] };
    const together = await search(logitsOf, prompts, rules);
    for (const [i, prompt] of prompts.entries()) {
      expect((await search(logitsOf, [prompt], rules))[0]).toEqual(together[i]);
    }
  });

  it("never scores worse than greedy search when sequences have one length", async () => {
    for (let first = 0; first < 10; first++) {
      const [greedy] = await search(arbitraryLogits(10), [[first]], { beams: 1, maxNewTokens: 2 });
      const [wide] = await search(arbitraryLogits(10), [[first]], { beams: 10, maxNewTokens: 2 });
      expect(wide!.score).toBeGreaterThanOrEqual(greedy!.score);
    }
  });

  it("stops as soon as nothing better can come", async () => {
    // The stop id has nearly all the weight at once.
    const session = new FunctionSession(() => Float32Array.of(9, 0, 0));
    const rules = { beams: 1, maxNewTokens: 50, stopIds: new Set([0]), lengthPenalty: 0 };
    expect((await beamSearch(session, [[1]], rules))[0]!.ids).toEqual([]);
    expect(session.fedRows).toEqual([1]);
  });

  it("leaves out tokens of no weight, and gives nothing when asked for nothing", async () => {
    const none = Number.NEGATIVE_INFINITY;
    const [found] = await search(() => Float32Array.of(none, 0, none), [[1]], { beams: 3, maxNewTokens: 3 });
    expect(found!.ids).toEqual([1, 1, 1]);
    expect(await search(arbitraryLogits(3), [[1]], { beams: 2, maxNewTokens: 0 })).toEqual([{ ids: [], score: 0 }]);
  });
});
