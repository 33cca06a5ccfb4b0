// Sorted runs of counted pairs outside memory, and merging them: an external merge sort.
// A record is 16 bytes: target and context as 32-bit integers, the sum as a double, all in the machine's byte order.

import { emptyPairs, type PairSums } from "./pair-table.js";

/** Reads a stored run from its start, in pieces of any size. */
export type StoredRun = () => AsyncIterable<Uint8Array>;

/** A place outside memory for runs. */
export interface SpillStore {
  /** Keeps the bytes and gives a way to read them back. */
  write(bytes: Uint8Array): Promise<StoredRun>;
  /** Deletes all runs. */
  clear(): Promise<void>;
}

/** A store of files in a fresh folder under `folder`, which must exist (Node). @throws what the file system throws. */
export function fileSpillStore(folder: string): SpillStore {
  let made: Promise<string> | undefined;
  let runs = 0;
  return {
    write: async (bytes) => {
      const { mkdtemp, writeFile } = await import("node:fs/promises");
      const { createReadStream } = await import("node:fs");
      made ??= mkdtemp(`${folder}/cooccurrence-`);
      const path = `${await made}/${runs++}.run`;
      await writeFile(path, bytes);
      return () => createReadStream(path);
    },
    clear: async () => {
      if (made === undefined) return;
      const { rm } = await import("node:fs/promises");
      await rm(await made, { recursive: true, force: true });
      made = undefined;
    },
  };
}

const recordBytes = 16;

/** Stores sorted pairs as a run. */
export function writeRun(store: SpillStore, pairs: PairSums): Promise<StoredRun> {
  const count = pairs.counts.length;
  const bytes = new Uint8Array(count * recordBytes);
  const ids = new Int32Array(bytes.buffer);
  const sums = new Float64Array(bytes.buffer);
  for (let i = 0; i < count; i++) {
    ids[4 * i] = pairs.targetWords[i] as number;
    ids[4 * i + 1] = pairs.contextWords[i] as number;
    sums[2 * i + 1] = pairs.counts[i] as number;
  }
  return store.write(bytes);
}

/** Merges sorted runs and the sorted pairs still in memory: equal pairs are added, order is kept. */
export async function* mergeRuns(
  runs: readonly StoredRun[],
  inMemory: PairSums,
  chunkPairs: number,
): AsyncGenerator<PairSums> {
  const cursors = [new Cursor(once(inMemory)), ...runs.map((run) => new Cursor(readRun(run)))];
  let chunk = emptyPairs(chunkPairs);
  let filled = 0;
  for (const cursor of cursors) await cursor.advance();
  for (;;) {
    const least = leastOf(cursors);
    if (least === undefined) break;
    const { target, context } = least;
    let sum = 0;
    for (const cursor of cursors) {
      if (cursor.done || cursor.target !== target || cursor.context !== context) continue;
      sum += cursor.count;
      // Waiting only at the end of a piece keeps the merge fast.
      if (!cursor.step()) await cursor.advance();
    }
    if (filled === chunkPairs) {
      yield chunk;
      chunk = emptyPairs(chunkPairs);
      filled = 0;
    }
    chunk.targetWords[filled] = target;
    chunk.contextWords[filled] = context;
    chunk.counts[filled] = sum;
    filled++;
  }
  if (filled > 0) {
    yield {
      targetWords: chunk.targetWords.slice(0, filled),
      contextWords: chunk.contextWords.slice(0, filled),
      counts: chunk.counts.slice(0, filled),
    };
  }
}

/** A place in a run: the current record, until `done`. */
class Cursor {
  done = false;
  target = -1;
  context = -1;
  count = 0;
  private readonly pieces: AsyncIterator<PairSums>;
  private piece: PairSums = emptyPairs(0);
  private at = -1;

  constructor(pieces: AsyncIterable<PairSums>) {
    this.pieces = pieces[Symbol.asyncIterator]();
  }

  /** Goes on inside the current piece; false at its end. */
  step(): boolean {
    this.at++;
    if (this.at >= this.piece.counts.length) return false;
    this.target = this.piece.targetWords[this.at] as number;
    this.context = this.piece.contextWords[this.at] as number;
    this.count = this.piece.counts[this.at] as number;
    return true;
  }

  /** Goes on to the next piece with records, or is done. */
  async advance(): Promise<void> {
    for (;;) {
      const next = await this.pieces.next();
      if (next.done === true) {
        this.done = true;
        return;
      }
      this.piece = next.value;
      this.at = -1;
      if (this.step()) return;
    }
  }
}

function leastOf(cursors: readonly Cursor[]): Cursor | undefined {
  let least: Cursor | undefined;
  for (const cursor of cursors) {
    if (cursor.done) continue;
    const lower = least === undefined || cursor.target < least.target;
    if (lower || (cursor.target === least?.target && cursor.context < least.context)) least = cursor;
  }
  return least;
}

async function* once(pairs: PairSums): AsyncGenerator<PairSums> {
  yield pairs;
}

async function* readRun(run: StoredRun): AsyncGenerator<PairSums> {
  let rest = new Uint8Array(0);
  for await (const piece of run()) {
    // Copied, so that records are aligned whatever the pieces' sizes are.
    const bytes = new Uint8Array(rest.length + piece.length);
    bytes.set(rest);
    bytes.set(piece, rest.length);
    const count = Math.floor(bytes.length / recordBytes);
    yield decodeRecords(bytes, count);
    rest = bytes.slice(count * recordBytes);
  }
}

function decodeRecords(bytes: Uint8Array, count: number): PairSums {
  const ids = new Int32Array(bytes.buffer, 0, 4 * count);
  const sums = new Float64Array(bytes.buffer, 0, 2 * count);
  const pairs = emptyPairs(count);
  for (let i = 0; i < count; i++) {
    pairs.targetWords[i] = ids[4 * i] as number;
    pairs.contextWords[i] = ids[4 * i + 1] as number;
    pairs.counts[i] = sums[2 * i + 1] as number;
  }
  return pairs;
}
