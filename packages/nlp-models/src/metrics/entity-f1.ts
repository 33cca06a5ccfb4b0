// Entity-level precision, recall and F1 by the CoNLL definition (conlleval): a chunk counts when type and both ends
// are right. An entity begins at B-, at a change of type, and at an I- that continues nothing.

import { argumentError } from "@torchium/tensor";

/** A named stretch of tokens. */
export interface Entity {
  readonly type: string;
  /** First token. */
  readonly start: number;
  /** The token after the last. */
  readonly end: number;
}

/** Counts and the scores that follow from them, in [0, 1]; a score without anything to score is 0. */
export interface ChunkScores {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Entities found with the right type and ends. */
  readonly correct: number;
  readonly predicted: number;
  readonly gold: number;
}

/** Scores over all entities, by type, and the share of tokens with the right tag. */
export interface EntityScores extends ChunkScores {
  /** In alphabetical order of the types. */
  readonly perType: Readonly<Record<string, ChunkScores>>;
  readonly tokenAccuracy: number;
}

/** The entities of a tagged sentence (O, B-TYPE, I-TYPE). @throws `argument` for another tag. */
export function entities(tags: readonly string[]): Entity[] {
  const found: Entity[] = [];
  let open: { readonly type: string; readonly start: number } | undefined;
  tags.forEach((tag, at) => {
    const { mark, type } = parseTag(tag);
    const goesOn = open !== undefined && mark === "I" && type === open.type;
    if (goesOn) return;
    if (open !== undefined) found.push({ ...open, end: at });
    open = mark === "O" ? undefined : { type, start: at };
  });
  if (open !== undefined) found.push({ ...(open as { type: string; start: number }), end: tags.length });
  return found;
}

/**
 * Scores of predicted tags against the true ones, sentence by sentence.
 * @throws `argument` when there are not as many sentences or tags in both, or for a tag that is none.
 */
export function entityF1(
  predicted: readonly (readonly string[])[],
  gold: readonly (readonly string[])[],
): EntityScores {
  if (predicted.length !== gold.length) {
    throw argumentError("entityF1", "predicted", `${gold.length} sentences as in gold`, predicted.length);
  }
  const byType = new Map<string, Counts>();
  const countsOf = (type: string): Counts => {
    const known = byType.get(type) ?? { correct: 0, predicted: 0, gold: 0 };
    byType.set(type, known);
    return known;
  };
  let tokens = 0;
  let rightTokens = 0;
  gold.forEach((goldTags, i) => {
    const tags = predicted[i] as readonly string[];
    if (tags.length !== goldTags.length) {
      throw argumentError("entityF1", `predicted[${i}]`, `${goldTags.length} tags as in gold`, tags.length);
    }
    tokens += tags.length;
    rightTokens += tags.filter((tag, at) => tag === goldTags[at]).length;
    const trueOnes = entities(goldTags);
    const places = new Set(trueOnes.map(placeOf));
    for (const entity of trueOnes) countsOf(entity.type).gold++;
    for (const entity of entities(tags)) {
      const counts = countsOf(entity.type);
      counts.predicted++;
      if (places.has(placeOf(entity))) counts.correct++;
    }
  });
  const total: Counts = { correct: 0, predicted: 0, gold: 0 };
  for (const counts of byType.values()) {
    total.correct += counts.correct;
    total.predicted += counts.predicted;
    total.gold += counts.gold;
  }
  const types = [...byType.keys()].sort();
  return {
    ...scores(total),
    perType: Object.fromEntries(types.map((type) => [type, scores(countsOf(type))])),
    tokenAccuracy: ratio(rightTokens, tokens),
  };
}

interface Counts {
  correct: number;
  predicted: number;
  gold: number;
}

function scores(counts: Counts): ChunkScores {
  return {
    precision: ratio(counts.correct, counts.predicted),
    recall: ratio(counts.correct, counts.gold),
    f1: ratio(2 * counts.correct, counts.predicted + counts.gold),
    ...counts,
  };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function placeOf({ type, start, end }: Entity): string {
  return `${start} ${end} ${type}`;
}

function parseTag(tag: string): { readonly mark: "B" | "I" | "O"; readonly type: string } {
  if (tag === "O") return { mark: "O", type: "" };
  const mark = tag[0];
  if ((mark === "B" || mark === "I") && tag[1] === "-" && tag.length > 2) return { mark, type: tag.slice(2) };
  throw argumentError("entities", "tag", "O, B-TYPE or I-TYPE", tag);
}
