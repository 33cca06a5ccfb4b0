// A decoding session: rows of ids that a model continues, with what is remembered of them between two steps.
// Sampling and beam search know only this, so they serve decoders and encoder-decoders alike.

/** Rows in the middle of being continued. Every row has been fed equally many ids. */
export interface DecodingSession {
  /** Feeds the same number of ids to every row; gives each row's logits of the id after them, [vocabulary]. */
  feed(ids: readonly (readonly number[])[]): Promise<Float32Array[]>;
  /** Goes on with these rows in this order; a row may come again or not at all. */
  select(rows: readonly number[]): void;
  /** Frees what is remembered. */
  close(): void;
}

/** One array of logits a row. */
export function logitRows(data: Float32Array, count: number): Float32Array[] {
  const width = data.length / count;
  return Array.from({ length: count }, (_, row) => data.subarray(row * width, (row + 1) * width));
}

/** Runs `work` and frees the session, whatever happens. */
export const inSession = <S extends DecodingSession, R>(session: S, work: (session: S) => Promise<R>): Promise<R> =>
  work(session).finally(() => session.close());
