// The choice of the next token from its logits: greedy, or drawn after temperature, top-k and top-p.
// Everything is decided on the host in a fixed order, so one seed gives one text on every backend.

import { TensorError } from "@torchium/tensor";
import { count, flag, number, type OptionTable, optional } from "@torchium/tensor/options";
import type { RandomSource } from "../batching/random-source.js";

/** How the next token is drawn. */
export type SamplingOptions = {
  /** Take the likeliest token instead of drawing one; false unless given. */
  readonly greedy?: boolean;
  /** Logits are divided by it: below 1 sharper, above 1 flatter; 1 unless given. */
  readonly temperature?: number;
  /** Draw among this many likeliest tokens; among all unless given. */
  readonly topK?: number;
  /** Draw among the fewest likeliest tokens whose probabilities reach this share; among all unless given. */
  readonly topP?: number;
};

/** What each option may be. */
export const samplingRules = {
  greedy: optional(flag()),
  temperature: {
    ...optional(number({ above: 0 })),
    expected: "a number above 0 (for the likeliest token say greedy: true)",
  },
  topK: optional(count()),
  topP: { ...optional(number({ above: 0, atMost: 1 })), expected: "a number above 0, at most 1" },
} satisfies OptionTable<SamplingOptions>;

/** The position of the largest logit, the first of equals. @throws TensorError `state` for logits without one */
export function likeliest(logits: Float32Array): number {
  let best = -1;
  let top = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id]!;
    if (Number.isNaN(logit)) throw notNumbers(id, logit);
    if (logit > top) [best, top] = [id, logit];
  }
  if (best < 0 || top === Number.POSITIVE_INFINITY) throw notNumbers(Math.max(best, 0), top);
  return best;
}

/**
 * One token drawn from `softmax(logits / temperature)`, cut by top-k, then by top-p (Holtzman et al.,
 * arXiv 1904.09751). Of equal logits at the cut the first ones stay. @throws TensorError `state` for NaN or no finite logit
 */
export function sampleToken(logits: Float32Array, options: SamplingOptions, random: RandomSource): number {
  const first = likeliest(logits);
  if (options.greedy) return first;
  const { temperature = 1, topK = logits.length, topP = 1 } = options;
  const top = logits[first]!;
  const weightOf = (logit: number): number => Math.exp((logit - top) / temperature);
  const limit = Math.min(topK, logits.length);
  const ids = limit < logits.length || topP < 1 ? likeliestIds(logits, limit, topP, weightOf) : logits.keys();
  const candidates = [...ids];
  const reached = new Float64Array(candidates.length);
  let total = 0;
  candidates.forEach((id, i) => {
    total += weightOf(logits[id]!);
    reached[i] = total;
  });
  const drawn = random.next() * total;
  const at = reached.findIndex((sum) => sum > drawn);
  return candidates[at]!;
}

/** The ids of the `limit` likeliest, or of the fewest of them that reach the share `topP` of their weight. */
function likeliestIds(
  logits: Float32Array,
  limit: number,
  topP: number,
  weightOf: (logit: number) => number,
): number[] {
  const falling = logits.slice().sort().reverse().subarray(0, limit);
  const keep = topP < 1 ? nucleus(falling, topP, weightOf) : limit;
  const threshold = falling[keep - 1]!;
  let equals = falling.subarray(0, keep).reduce((n, logit) => n + Number(logit === threshold), 0);
  const ids: number[] = [];
  logits.forEach((logit, id) => {
    if (logit > threshold || (logit === threshold && equals-- > 0)) ids.push(id);
  });
  return ids;
}

/** How many of the falling logits reach a share of their whole weight. */
function nucleus(falling: Float32Array, topP: number, weightOf: (logit: number) => number): number {
  const wanted = topP * falling.reduce((sum, logit) => sum + weightOf(logit), 0);
  let reached = 0;
  const last = falling.findIndex((logit) => {
    reached += weightOf(logit);
    return reached >= wanted;
  });
  return last < 0 ? falling.length : last + 1;
}

/** `logits − ln Σ e^logits`. @throws TensorError `state` for NaN or no finite logit */
export function logProbabilities(logits: Float32Array): Float64Array {
  const top = logits[likeliest(logits)]!;
  let total = 0;
  for (const logit of logits) total += Math.exp(logit - top);
  const shift = top + Math.log(total);
  return Float64Array.from(logits, (logit) => logit - shift);
}

const notNumbers = (id: number, got: number): TensorError =>
  new TensorError("state", `generate: the model's logits are no finite numbers, got ${got} for id ${id}`, {
    op: "generate",
    id,
    got,
  });
