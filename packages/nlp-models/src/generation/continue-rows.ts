// Token by token: prompts of any lengths go on together until each has stopped.
// A row's tokens depend on the model, its prompt, the seed and its place alone, never on the rows beside it.

import type { RandomSource } from "../batching/random-source.js";
import { type SamplingOptions, sampleToken } from "./sampling.js";
import type { DecodingSession } from "./session.js";

/** When a continuation ends. */
export type StopRules = {
  readonly maxNewTokens: number;
  /** Ids that end a row; they are not part of what comes out. */
  readonly stopIds: ReadonlySet<number>;
};

/** A token that was added to a row. */
export type NewToken = { readonly row: number; readonly id: number };

type Row = { readonly row: number; readonly prompt: readonly number[]; made: number };

/**
 * Continues the rows, one draw after the other from `randoms[row]`. Shorter prompts begin to grow while longer ones
 * are still being read, so no row needs padding.
 */
export async function* continueRows(
  session: DecodingSession,
  prompts: readonly (readonly number[])[],
  options: SamplingOptions & StopRules,
  randoms: readonly RandomSource[],
): AsyncGenerator<NewToken> {
  let open: Row[] = prompts.map((prompt, row) => ({ row, prompt, made: 0 }));
  let fed = Math.min(...prompts.map((prompt) => prompt.length));
  let next = prompts.map((prompt) => prompt.slice(0, fed));
  while (options.maxNewTokens > 0) {
    const logits = await session.feed(next);
    const kept: number[] = [];
    next = [];
    for (const [place, state] of open.entries()) {
      const { row, prompt } = state;
      let id = prompt[fed];
      if (id === undefined) {
        id = sampleToken(logits[place]!, options, randoms[row]!);
        if (options.stopIds.has(id)) continue;
        yield { row, id };
        if (++state.made === options.maxNewTokens) continue;
      }
      kept.push(place);
      next.push([id]);
    }
    if (kept.length === 0) return;
    if (kept.length < open.length) session.select(kept);
    open = kept.map((place) => open[place]!);
    fed++;
  }
}
