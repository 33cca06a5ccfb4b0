// Beam search: the few best partial sequences of each prompt go on together; the best whole one wins.
// With as many beams as there are partial sequences it is exhaustive (tested so).

import type { StopRules } from "./continue-rows.js";
import { logProbabilities } from "./sampling.js";
import type { DecodingSession } from "./session.js";

/** How beams are kept and compared. */
export type BeamOptions = {
  readonly beams: number;
  /** A sequence scores its log-probability divided by its length to this power: 0 favours short ones. */
  readonly lengthPenalty: number;
};

/** What was added to a prompt, without a stop id, and its score. */
export type Hypothesis = { readonly ids: readonly number[]; readonly score: number };

type Beam = { readonly ids: readonly number[]; readonly logProbability: number };
type Candidate = Beam & { readonly place: number };
type Search = { readonly running: readonly Beam[]; readonly finished: Hypothesis[] };

/** The best continuation of each prompt; prompts have one length. */
export async function beamSearch(
  session: DecodingSession,
  prompts: readonly (readonly number[])[],
  options: BeamOptions & StopRules,
): Promise<Hypothesis[]> {
  const { beams, maxNewTokens, stopIds } = options;
  const normalised = (logProbability: number, length: number): number =>
    logProbability / length ** options.lengthPenalty;
  const searches: Search[] = prompts.map(() => ({ running: [{ ids: [], logProbability: 0 }], finished: [] }));
  let open = [...searches.keys()];
  let next = prompts;
  for (let length = 1; length <= maxNewTokens; length++) {
    const logits = await session.feed(next);
    const rows: number[] = [];
    const ids: number[][] = [];
    const still: number[] = [];
    let row = 0;
    for (const s of open) {
      const { running, finished } = searches[s]!;
      const places = running.map((_, i) => row + i);
      row += running.length;
      const grown: Candidate[] = [];
      for (const candidate of bestFirst(running, places, logits, beams * (stopIds.size + 1))) {
        if (grown.length === beams) break;
        const stopped = stopIds.has(candidate.ids.at(-1)!);
        if (!stopped) grown.push(candidate);
        if (!stopped && length < maxNewTokens) continue;
        const score = normalised(candidate.logProbability, length);
        finished.push({ ids: stopped ? candidate.ids.slice(0, -1) : candidate.ids, score });
      }
      finished.sort((a, b) => b.score - a.score).splice(beams);
      searches[s] = { running: grown, finished };
      // Log-probabilities only fall, so this is the most that a running beam can still reach.
      const hope = normalised(grown[0]?.logProbability ?? Number.NEGATIVE_INFINITY, maxNewTokens);
      if (finished.length === beams && finished.at(-1)!.score >= hope) continue;
      if (grown.length === 0) continue;
      still.push(s);
      for (const { place, ids: all } of grown) {
        rows.push(place);
        ids.push([all.at(-1)!]);
      }
    }
    if (still.length === 0 || length === maxNewTokens) break;
    session.select(rows);
    open = still;
    next = ids;
  }
  return searches.map(({ finished }) => finished[0] ?? { ids: [], score: 0 });
}

/** The `count` likeliest one-token continuations of some beams, best first; equal ones by beam, then by id. */
function bestFirst(
  running: readonly Beam[],
  places: readonly number[],
  logits: readonly Float32Array[],
  count: number,
): Candidate[] {
  const best: { readonly beam: number; readonly id: number; readonly logProbability: number }[] = [];
  running.forEach(({ logProbability: before }, beam) => {
    logProbabilities(logits[places[beam]!]!).forEach((step, id) => {
      const logProbability = before + step;
      if (logProbability === Number.NEGATIVE_INFINITY) return;
      if (best.length === count && logProbability <= best.at(-1)!.logProbability) return;
      let at = best.length;
      while (at > 0 && best[at - 1]!.logProbability < logProbability) at--;
      best.splice(at, 0, { beam, id, logProbability });
      if (best.length > count) best.pop();
    });
  });
  return best.map(({ beam, id, logProbability }) => ({
    place: places[beam]!,
    ids: [...running[beam]!.ids, id],
    logProbability,
  }));
}
