// BLEU (Papineni et al. 2002) by sacreBLEU's definition (Post 2018): the same statistics, smoothing and cutting.
// Scores are in [0, 100]. A corpus's score comes from its summed counts; it is no mean of sentence scores.

import { argumentError } from "@torchium/tensor";
import { type BleuTokenization, bleuTokenizers } from "./bleu-tokenizer.js";

/** What a precision of zero matches becomes (Chen and Cherry 2014). */
export type BleuSmoothing = "exp" | "floor" | "add-k" | "none";

/** Settings of `bleuOfTokens`. */
export interface BleuScoreOptions {
  /** `"exp"` by default, as sacreBLEU; `"none"` makes the score 0 when an order has no match. */
  readonly smoothing?: BleuSmoothing;
  /** For `"floor"` (0.1 by default) and `"add-k"` (1 by default). */
  readonly smoothingValue?: number;
  /** Longest n-grams; 4 by default. */
  readonly maxOrder?: number;
  /** Leave out orders longer than the hypotheses, for single sentences; false by default. */
  readonly effectiveOrder?: boolean;
}

/** Settings of `corpusBleu` and `sentenceBleu`. */
export interface BleuOptions extends BleuScoreOptions {
  /** How to cut text; `"13a"` by default. */
  readonly tokenize?: BleuTokenization;
  /** Compare without case; false by default. */
  readonly lowercase?: boolean;
}

/** A BLEU score and what it was made from; entry n - 1 of a list is that of n-grams. */
export interface BleuScore {
  /** 0 to 100. */
  readonly score: number;
  /** Precisions in percent, after smoothing. */
  readonly precisions: readonly number[];
  /** N-grams of the hypotheses that a reference has. */
  readonly matches: readonly number[];
  /** N-grams of the hypotheses. */
  readonly totals: readonly number[];
  readonly brevityPenalty: number;
  readonly hypothesisLength: number;
  /** Summed lengths of the references nearest in length. */
  readonly referenceLength: number;
}

/**
 * BLEU of texts. A hypothesis may have one reference or several.
 * @throws `argument` for different numbers of hypotheses and references, none at all, or options out of range.
 */
export function corpusBleu(
  hypotheses: readonly string[],
  references: readonly (string | readonly string[])[],
  options: BleuOptions = {},
): BleuScore {
  const { tokenize = "13a", lowercase = false, ...scoreOptions } = options;
  if (!Object.hasOwn(bleuTokenizers, tokenize)) {
    throw argumentError("corpusBleu", "tokenize", `one of ${Object.keys(bleuTokenizers).join(", ")}`, tokenize);
  }
  const tokens = (text: string): string[] =>
    bleuTokenizers[tokenize]((lowercase ? text.toLowerCase() : text).trimEnd());
  return bleuOfTokens(
    hypotheses.map(tokens),
    references.map((given) => (typeof given === "string" ? [given] : given).map(tokens)),
    scoreOptions,
  );
}

/** BLEU of one text, over the orders it is long enough for unless told otherwise. @throws `argument` as `corpusBleu`. */
export function sentenceBleu(
  hypothesis: string,
  references: string | readonly string[],
  options: BleuOptions = {},
): BleuScore {
  return corpusBleu([hypothesis], [references], { effectiveOrder: true, ...options });
}

/**
 * BLEU of segments that are cut already; each has a list of references.
 * @throws `argument` for different numbers of hypotheses and references, none at all, or options out of range.
 */
export function bleuOfTokens(
  hypotheses: readonly (readonly string[])[],
  references: readonly (readonly (readonly string[])[])[],
  options: BleuScoreOptions = {},
): BleuScore {
  const { maxOrder = 4 } = options;
  if (hypotheses.length !== references.length) {
    throw argumentError(
      "bleu",
      "references",
      `one entry for each of ${hypotheses.length} hypotheses`,
      references.length,
    );
  }
  if (hypotheses.length === 0) throw argumentError("bleu", "hypotheses", "at least one", 0);
  if (!Number.isInteger(maxOrder) || maxOrder < 1) {
    throw argumentError("bleu", "maxOrder", "a positive integer", maxOrder);
  }
  const counts: BleuCounts = {
    matches: new Array<number>(maxOrder).fill(0),
    totals: new Array<number>(maxOrder).fill(0),
    hypothesisLength: 0,
    referenceLength: 0,
  };
  hypotheses.forEach((hypothesis, i) => {
    const given = references[i] as readonly (readonly string[])[];
    if (given.length === 0) throw argumentError("bleu", `references[${i}]`, "at least one reference", 0);
    addSegment(counts, hypothesis, given);
  });
  return scoreOf(counts, options);
}

interface BleuCounts {
  readonly matches: number[];
  readonly totals: number[];
  hypothesisLength: number;
  referenceLength: number;
}

function addSegment(
  counts: BleuCounts,
  hypothesis: readonly string[],
  references: readonly (readonly string[])[],
): void {
  counts.hypothesisLength += hypothesis.length;
  counts.referenceLength += nearestLength(hypothesis.length, references);
  counts.totals.forEach((_, order) => {
    const n = order + 1;
    // A match counts at most as often as the reference that has it most often.
    const allowed = new Map<string, number>();
    for (const reference of references) {
      for (const [gram, count] of ngrams(reference, n)) allowed.set(gram, Math.max(count, allowed.get(gram) ?? 0));
    }
    for (const [gram, count] of ngrams(hypothesis, n)) {
      counts.totals[order] = (counts.totals[order] as number) + count;
      counts.matches[order] = (counts.matches[order] as number) + Math.min(count, allowed.get(gram) ?? 0);
    }
  });
}

// Of two equally near lengths the shorter one.
function nearestLength(length: number, references: readonly (readonly string[])[]): number {
  let best = Number.POSITIVE_INFINITY;
  for (const { length: candidate } of references) {
    const difference = Math.abs(candidate - length) - Math.abs(best - length);
    if (difference < 0 || (difference === 0 && candidate < best)) best = candidate;
  }
  return best;
}

function ngrams(tokens: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= tokens.length; i++) {
    // As JSON, because then two different n-grams never share a key, whatever the tokens hold.
    const gram = JSON.stringify(tokens.slice(i, i + n));
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

function scoreOf(counts: BleuCounts, options: BleuScoreOptions): BleuScore {
  const { hypothesisLength, referenceLength } = counts;
  const matches = [...counts.matches];
  const totals = [...counts.totals];
  const brevityPenalty = brevity(hypothesisLength, referenceLength);
  const precisions = matches.map(() => 0);
  const result = { precisions, matches, totals, brevityPenalty, hypothesisLength, referenceLength };
  if (matches.every((count) => count === 0)) return { score: 0, ...result };

  const usedOrder = smooth(precisions, matches, totals, options);
  const used = precisions.slice(0, usedOrder);
  if (used.some((precision) => precision === 0)) return { score: 0, ...result };
  const meanLog = used.reduce((sum, precision) => sum + Math.log(precision), 0) / usedOrder;
  return { score: brevityPenalty * Math.exp(meanLog), ...result };
}

// Fills in the precisions and gives the number of orders that count.
function smooth(precisions: number[], matches: number[], totals: number[], options: BleuScoreOptions): number {
  const { smoothing = "exp", effectiveOrder = false } = options;
  const { smoothingValue = smoothing === "floor" ? 0.1 : 1 } = options;
  if (!["exp", "floor", "add-k", "none"].includes(smoothing)) {
    throw argumentError("bleu", "smoothing", "one of exp, floor, add-k, none", smoothing);
  }
  if (!(smoothingValue >= 0)) throw argumentError("bleu", "smoothingValue", "a number from 0", smoothingValue);
  let usedOrder = precisions.length;
  let halvings = 1;
  for (let order = 0; order < precisions.length; order++) {
    const added = smoothing === "add-k" && order > 0 ? smoothingValue : 0;
    const right = (matches[order] as number) + added;
    const total = (totals[order] as number) + added;
    if (total === 0) break;
    if (effectiveOrder) usedOrder = order + 1;
    if (right > 0) precisions[order] = (100 * right) / total;
    else if (smoothing === "floor") precisions[order] = (100 * smoothingValue) / total;
    else if (smoothing === "exp") {
      halvings *= 2;
      precisions[order] = 100 / (halvings * total);
    }
  }
  return usedOrder;
}

function brevity(hypothesisLength: number, referenceLength: number): number {
  if (hypothesisLength >= referenceLength) return 1;
  return hypothesisLength === 0 ? 0 : Math.exp(1 - referenceLength / hypothesisLength);
}
