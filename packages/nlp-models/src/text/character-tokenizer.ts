// Characters (Unicode code points) as tokens, in code point order, so that the ids depend on the set alone.

import { readFields } from "./json-fields.js";
import type { Tokenizer } from "./tokenizer.js";
import { Vocabulary, type VocabularyOptions } from "./vocabulary.js";

/** Code points over a vocabulary; `decode(encode(text))` is the text when no character is unknown. */
export class CharacterTokenizer implements Tokenizer {
  readonly vocabulary: Vocabulary;

  /** A tokenizer over an existing vocabulary of single characters (specials may be longer). */
  constructor(vocabulary: Vocabulary) {
    this.vocabulary = vocabulary;
  }

  /** The tokenizer of all characters of a text: specials first (none by default), then by code point. */
  static train(text: string, options: Pick<VocabularyOptions, "specials" | "unknown"> = {}): CharacterTokenizer {
    const { specials = [], unknown } = options;
    const characters = new Set<string>(text);
    for (const special of specials) characters.delete(special);
    const sorted = [...characters].sort((a, b) => codePoint(a) - codePoint(b));
    return new CharacterTokenizer(new Vocabulary([...specials, ...sorted], specials.length, unknown));
  }

  get size(): number {
    return this.vocabulary.size;
  }

  encode(text: string): number[] {
    return this.vocabulary.encode(text);
  }

  decode(ids: Iterable<number>): string {
    return this.vocabulary.decode(ids).join("");
  }

  toJSON(): unknown {
    return { format: "torchium-tokenizer", version: 1, type: "character", vocabulary: this.vocabulary.toJSON() };
  }

  /** A tokenizer from its stored form. @throws `format` when a field is missing or wrong. */
  static fromJSON(value: unknown): CharacterTokenizer {
    const header = { format: "torchium-tokenizer", version: 1, type: "character" };
    const fields = readFields("CharacterTokenizer.fromJSON", value, header);
    return new CharacterTokenizer(Vocabulary.fromJSON(fields.value("vocabulary")));
  }
}

function codePoint(character: string): number {
  return character.codePointAt(0) ?? 0;
}
