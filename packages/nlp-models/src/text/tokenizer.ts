// What every tokenizer here has in common: text to ids and back, and a form that can be stored.
// Ids are dense: a model whose embedding has `size` rows takes every id that `encode` gives.

/** Turns text into token ids and back. */
export interface Tokenizer {
  /** Number of ids: every id lies in `0 … size - 1`. */
  readonly size: number;
  /** The ids of a text, in order. @throws `argument` when a token is unknown and no unknown token was given. */
  encode(text: string): number[];
  /** The text of ids, as near to what was encoded as the tokenizer allows. @throws `index` for an id outside. */
  decode(ids: Iterable<number>): string;
  /** Everything needed to build this tokenizer again with `tokenizerFromJSON`, ready for `JSON.stringify`. */
  toJSON(): unknown;
}
