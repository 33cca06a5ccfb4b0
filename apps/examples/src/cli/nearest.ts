// "Did you mean …?": the known word closest to a mistyped one.

/**
 * The entry of `known` nearest to `word` by optimal-string-alignment distance (insert, delete, replace, swap of
 * neighbours), when it is near enough to be a typo: at most a third of the longer word, and never fewer than 1.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(word, candidate);
    const limit = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    if (distance <= limit && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** The end of an error about an unknown word: `, did you mean X?`, or the known words when none is near. */
export function suggestion(word: string, known: readonly string[]): string {
  const close = nearest(word, known);
  if (close !== undefined) return `did you mean ${close}?`;
  return known.length === 0 ? "there are none" : `expected one of ${known.join(", ")}`;
}

function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(previous[j] + 1, row[j - 1] + 1, replaced);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], beforePrevious[j - 2] + 1);
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length];
}
