// A session without a model: logits come from a function of the ids so far, so searches can be checked by enumeration.

import type { DecodingSession } from "./session.js";

/** What a row's logits are after the ids that it was fed. */
export type LogitsOf = (ids: readonly number[]) => Float32Array;

/** A session over `logitsOf` that starts with as many rows as it is first fed. */
export class FunctionSession implements DecodingSession {
  #rows: (readonly number[])[] | undefined;
  readonly #logitsOf: LogitsOf;
  /** Rows of each `feed`. */
  readonly fedRows: number[] = [];

  constructor(logitsOf: LogitsOf) {
    this.#logitsOf = logitsOf;
  }

  async feed(ids: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const before = this.#rows ?? ids.map(() => []);
    if (before.length !== ids.length) throw new Error(`fed ${ids.length} rows, expected ${before.length}`);
    this.#rows = ids.map((row, i) => [...before[i]!, ...row]);
    this.fedRows.push(ids.length);
    return this.#rows.map((row) => this.#logitsOf(row));
  }

  select(rows: readonly number[]): void {
    this.#rows = rows.map((row) => this.#rows![row]!);
  }

  close(): void {}
}

/** Logits that depend on the last ids in an arbitrary but fixed way. */
export function arbitraryLogits(vocabulary: number, spread = 2): LogitsOf {
  return (ids) =>
    Float32Array.from({ length: vocabulary }, (_, id) => {
      const mixed = ids.slice(-2).reduce((sum, x, i) => sum + (x + 1) * (i + 1.7), id * 3.1 + ids.length);
      return spread * Math.sin(mixed * 12.9898) * Math.cos(mixed * 4.1414);
    });
}
