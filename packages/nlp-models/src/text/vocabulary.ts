// The map between tokens and ids. The order is stable: specials, then falling count, ties by first appearance.
// A token has one id and an id one token; two vocabularies built from the same text are equal.

import { argumentError, TensorError } from "@torchium/tensor";
import { formatError, readFields } from "./json-fields.js";

/** How `Vocabulary.build` chooses its tokens. */
export interface VocabularyOptions {
  /** Tokens that take the first ids whatever their count, such as `<pad>`; none by default. */
  readonly specials?: readonly string[];
  /** Tokens seen less often are left out; 1 by default. */
  readonly minCount?: number;
  /** Largest number of tokens, the specials included; no limit by default. */
  readonly maxSize?: number;
  /** The special that stands for tokens outside; `<unk>` by default when it is among the specials, else none. */
  readonly unknown?: string;
}

/** The stored form of a vocabulary. */
export interface VocabularyJSON {
  readonly format: "torchium-vocabulary";
  readonly version: 1;
  /** Tokens in the order of their ids. */
  readonly tokens: readonly string[];
  /** How many of the first tokens are specials. */
  readonly specials: number;
  /** The token that stands for all others, or null. */
  readonly unknown: string | null;
}

/** Counts tokens, in order of first appearance; give `into` to go on counting over several texts. */
export function countTokens(tokens: Iterable<string>, into: Map<string, number> = new Map()): Map<string, number> {
  for (const token of tokens) into.set(token, (into.get(token) ?? 0) + 1);
  return into;
}

/** A fixed list of tokens; a token's place in it is its id. */
export class Vocabulary {
  /** Tokens in the order of their ids. */
  readonly tokens: readonly string[];
  /** The tokens that were given as specials: the first ids. */
  readonly specials: readonly string[];
  /** The special that stands for tokens outside, if there is one. */
  readonly unknown: string | undefined;
  /** The id of `unknown`, if there is one. */
  readonly unknownId: number | undefined;
  private readonly ids: ReadonlyMap<string, number>;

  /**
   * A vocabulary with exactly these tokens in this order, the first `specials` of them special.
   * @throws `argument` for a token given twice, or an `unknown` that is no special.
   */
  constructor(tokens: readonly string[], specials = 0, unknown?: string) {
    if (!Number.isInteger(specials) || specials < 0 || specials > tokens.length) {
      throw argumentError("Vocabulary", "specials", `a whole number up to ${tokens.length}`, specials);
    }
    const ids = new Map<string, number>();
    for (const token of tokens) {
      if (ids.has(token)) throw argumentError("Vocabulary", "tokens", "distinct", token);
      ids.set(token, ids.size);
    }
    this.tokens = [...tokens];
    this.ids = ids;
    this.specials = this.tokens.slice(0, specials);
    if (unknown !== undefined && !this.specials.includes(unknown)) {
      throw argumentError("Vocabulary", "unknown", "one of the specials", unknown);
    }
    this.unknown = unknown ?? this.specials.find((token) => token === "<unk>");
    this.unknownId = this.unknown === undefined ? undefined : ids.get(this.unknown);
  }

  /** The vocabulary of a sequence of tokens. @throws `argument` for options out of range. */
  static build(tokens: Iterable<string>, options: VocabularyOptions = {}): Vocabulary {
    return Vocabulary.fromCounts(countTokens(tokens), options);
  }

  /** The vocabulary of counted tokens; ties keep the map's order. @throws `argument` for options out of range. */
  static fromCounts(counts: ReadonlyMap<string, number>, options: VocabularyOptions = {}): Vocabulary {
    const { specials = [], minCount = 1, maxSize = Number.POSITIVE_INFINITY, unknown } = options;
    if (!(minCount >= 0)) throw argumentError("Vocabulary.build", "minCount", "a number from 0", minCount);
    if (!(maxSize >= Math.max(1, specials.length))) {
      throw argumentError("Vocabulary.build", "maxSize", `at least 1 and the ${specials.length} specials`, maxSize);
    }
    const reserved = new Set(specials);
    const ranked = [...counts].filter(([token, count]) => count >= minCount && !reserved.has(token));
    ranked.sort((a, b) => b[1] - a[1]);
    const kept = ranked.slice(0, maxSize - specials.length).map(([token]) => token);
    return new Vocabulary([...specials, ...kept], specials.length, unknown);
  }

  /** Number of tokens. */
  get size(): number {
    return this.tokens.length;
  }

  /** Whether the token has an id of its own. */
  has(token: string): boolean {
    return this.ids.has(token);
  }

  /** The id of a token, or the unknown token's. @throws `argument` when it has none and there is no unknown token. */
  idOf(token: string): number {
    const id = this.ids.get(token) ?? this.unknownId;
    if (id !== undefined) return id;
    throw new TensorError(
      "argument",
      `Vocabulary: no id for a token and no unknown token, got ${JSON.stringify(token)}`,
      { op: "Vocabulary", token },
    );
  }

  /** The token of an id. @throws `index` for an id outside the vocabulary. */
  tokenOf(id: number): string {
    const token = this.tokens[id];
    if (token !== undefined) return token;
    throw new TensorError("index", `Vocabulary: id out of range, got ${id}, expected 0 to ${this.size - 1}`, {
      op: "Vocabulary",
      id,
      size: this.size,
    });
  }

  /** The ids of tokens. @throws `argument` for an unknown token when there is no unknown token. */
  encode(tokens: Iterable<string>): number[] {
    const out: number[] = [];
    for (const token of tokens) out.push(this.idOf(token));
    return out;
  }

  /** The ids of the tokens that are in the vocabulary; others are dropped, as word-vector training does. */
  encodeKnown(tokens: Iterable<string>): number[] {
    const out: number[] = [];
    for (const token of tokens) {
      const id = this.ids.get(token);
      if (id !== undefined) out.push(id);
    }
    return out;
  }

  /** The tokens of ids. @throws `index` for an id outside the vocabulary. */
  decode(ids: Iterable<number>): string[] {
    const out: string[] = [];
    for (const id of ids) out.push(this.tokenOf(id));
    return out;
  }

  /** The stored form. */
  toJSON(): VocabularyJSON {
    return {
      format: "torchium-vocabulary",
      version: 1,
      tokens: this.tokens,
      specials: this.specials.length,
      unknown: this.unknown ?? null,
    };
  }

  /** A vocabulary from its stored form. @throws `format` when a field is missing or wrong. */
  static fromJSON(value: unknown): Vocabulary {
    const op = "Vocabulary.fromJSON";
    const fields = readFields(op, value, { format: "torchium-vocabulary", version: 1 });
    const tokens = fields.strings("tokens");
    const specials = fields.number("specials");
    const unknown = fields.optionalString("unknown");
    try {
      return new Vocabulary(tokens, specials, unknown);
    } catch (error) {
      throw formatError(op, (error as Error).message.replace("Vocabulary: ", ""), error);
    }
  }
}
