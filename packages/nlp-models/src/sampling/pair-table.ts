// A hash table from pairs of ids to sums, with open addressing over typed arrays: 16 bytes a slot, no objects.
// At most three quarters of the slots are taken, so a table holds a pair in 21 to 43 bytes.

/** Sums by pair of ids, in ascending order of (target, context); entry i of all arrays is one pair. */
export interface PairSums {
  readonly targetWords: Int32Array;
  readonly contextWords: Int32Array;
  readonly counts: Float64Array;
}

const initialSlots = 1 << 12;

/** Adds up weights of pairs of ids. */
export class PairTable {
  /** Number of different pairs. */
  size = 0;
  private firsts: Int32Array;
  private seconds: Int32Array;
  private sums: Float64Array;
  private mask: number;

  constructor() {
    this.mask = 0;
    this.firsts = this.seconds = new Int32Array(0);
    this.sums = new Float64Array(0);
    this.reset(initialSlots);
  }

  /** Adds a weight to a pair. */
  add(first: number, second: number, weight: number): void {
    const at = this.slotOf(first, second);
    if ((this.firsts[at] as number) < 0) {
      this.firsts[at] = first;
      this.seconds[at] = second;
      this.size++;
    }
    this.sums[at] = (this.sums[at] as number) + weight;
    if (4 * this.size > 3 * (this.mask + 1)) this.grow();
  }

  /**
   * Takes everything out: the sums in order, the table empty. With `mirror` the pair (a, b) also gives (b, a).
   * Two passes of counting sort, over ids below `vocabSize`.
   */
  takeSorted(vocabSize: number, mirror: boolean): PairSums {
    const pairs = this.takeAll(mirror);
    return sortBy("targetWords", sortBy("contextWords", pairs, vocabSize), vocabSize);
  }

  private takeAll(mirror: boolean): PairSums {
    const { firsts, seconds, sums } = this;
    let mirrored = 0;
    for (let at = 0; at < firsts.length; at++) {
      if (mirror && (firsts[at] as number) >= 0 && firsts[at] !== seconds[at]) mirrored++;
    }
    const pairs = emptyPairs(this.size + mirrored);
    let made = 0;
    const put = (target: number, context: number, count: number): void => {
      pairs.targetWords[made] = target;
      pairs.contextWords[made] = context;
      pairs.counts[made] = count;
      made++;
    };
    for (let at = 0; at < firsts.length; at++) {
      const first = firsts[at] as number;
      const second = seconds[at] as number;
      if (first < 0) continue;
      put(first, second, sums[at] as number);
      if (mirror && first !== second) put(second, first, sums[at] as number);
    }
    this.reset(initialSlots);
    return pairs;
  }

  private slotOf(first: number, second: number): number {
    let hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let at = (hash ^ (hash >>> 13)) & this.mask;
    for (;;) {
      const found = this.firsts[at] as number;
      if (found < 0 || (found === first && this.seconds[at] === second)) return at;
      at = (at + 1) & this.mask;
    }
  }

  private grow(): void {
    const { firsts, seconds, sums, size } = this;
    this.reset(2 * firsts.length);
    this.size = size;
    for (let old = 0; old < firsts.length; old++) {
      const first = firsts[old] as number;
      if (first < 0) continue;
      const at = this.slotOf(first, seconds[old] as number);
      this.firsts[at] = first;
      this.seconds[at] = seconds[old] as number;
      this.sums[at] = sums[old] as number;
    }
  }

  private reset(slots: number): void {
    this.firsts = new Int32Array(slots).fill(-1);
    this.seconds = new Int32Array(slots);
    this.sums = new Float64Array(slots);
    this.mask = slots - 1;
    this.size = 0;
  }
}

/** Arrays for so many pairs, all zero. */
export function emptyPairs(count: number): PairSums {
  return {
    targetWords: new Int32Array(count),
    contextWords: new Int32Array(count),
    counts: new Float64Array(count),
  };
}

function sortBy(field: "targetWords" | "contextWords", pairs: PairSums, vocabSize: number): PairSums {
  const keys = pairs[field];
  const next = new Int32Array(vocabSize + 1);
  for (const key of keys) next[key + 1] = (next[key + 1] as number) + 1;
  for (let key = 1; key <= vocabSize; key++) next[key] = (next[key] as number) + (next[key - 1] as number);
  const sorted = emptyPairs(keys.length);
  for (let from = 0; from < keys.length; from++) {
    const key = keys[from] as number;
    const to = next[key] as number;
    next[key] = to + 1;
    sorted.targetWords[to] = pairs.targetWords[from] as number;
    sorted.contextWords[to] = pairs.contextWords[from] as number;
    sorted.counts[to] = pairs.counts[from] as number;
  }
  return sorted;
}
