// A heap of candidate BPE merges: the most frequent pair first, ties by the smaller ids.
// The order is total, so training does not depend on the order in which pairs were found.

/** A pair of adjacent token ids and how often it was seen when it was pushed. */
export interface MergeCandidate {
  readonly count: number;
  readonly left: number;
  readonly right: number;
}

function before(a: MergeCandidate, b: MergeCandidate): boolean {
  if (a.count !== b.count) return a.count > b.count;
  return a.left !== b.left ? a.left < b.left : a.right < b.right;
}

/** A binary heap of merge candidates. */
export class MergeHeap {
  private readonly items: MergeCandidate[] = [];

  /** Adds a candidate. */
  push(item: MergeCandidate): void {
    const { items } = this;
    let at = items.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent] as MergeCandidate;
      if (!before(item, above)) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  /** Takes the first candidate out, or gives undefined when none is left. */
  pop(): MergeCandidate | undefined {
    const { items } = this;
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && before(items[child + 1] as MergeCandidate, items[child] as MergeCandidate))
        child++;
      const below = items[child] as MergeCandidate;
      if (!before(below, last)) break;
      items[at] = below;
      at = child;
    }
    items[at] = last;
    return first;
  }
}
