// A corpus of ids whose sentences keep apart: all ids in one typed array, and where each line starts.

import { argumentError, TensorError } from "@torchium/tensor";

/** Lines of token ids. */
export interface TokenLines {
  /** The ids of all lines, one after the other. */
  readonly ids: Int32Array;
  /** Where each line starts, and the end of the last: one more than there are lines. */
  readonly starts: Int32Array;
}

/** A growing list of 32-bit integers. */
class IntList {
  length = 0;
  private data = new Int32Array(1024);

  push(values: ArrayLike<number>): void {
    const needed = this.length + values.length;
    if (needed > this.data.length) {
      const larger = new Int32Array(Math.max(needed, 2 * this.data.length));
      larger.set(this.data.subarray(0, this.length));
      this.data = larger;
    }
    this.data.set(values, this.length);
    this.length = needed;
  }

  finish(): Int32Array {
    return this.data.slice(0, this.length);
  }
}

/** Lines of ids, packed. */
export function tokenLines(lines: Iterable<ArrayLike<number>>): TokenLines {
  const ids = new IntList();
  const starts = new IntList();
  starts.push([0]);
  for (const line of lines) {
    ids.push(line);
    starts.push([ids.length]);
  }
  return { ids: ids.finish(), starts: starts.finish() };
}

/** How often each id occurs: [vocabSize]. @throws `index` for an id outside the vocabulary. */
export function countIds(ids: ArrayLike<number>, vocabSize: number): Float64Array {
  if (!Number.isInteger(vocabSize) || vocabSize < 1) {
    throw argumentError("countIds", "vocabSize", "a positive integer", vocabSize);
  }
  const counts = new Float64Array(vocabSize);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    if (!(id >= 0 && id < vocabSize)) throw idError("countIds", id, vocabSize);
    counts[id] = (counts[id] as number) + 1;
  }
  return counts;
}

/** The error for an id that the vocabulary does not have. */
export function idError(op: string, id: number, vocabSize: number): TensorError {
  return new TensorError("index", `${op}: id out of range, got ${id}, expected 0 to ${vocabSize - 1}`, {
    op,
    id,
    vocabSize,
  });
}
