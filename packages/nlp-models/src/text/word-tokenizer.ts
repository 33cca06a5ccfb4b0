// Words as tokens: optional lower-casing, a split rule, a vocabulary.
// Decoding joins with spaces: the words come back, the white space and the case do not.

import { argumentError } from "@torchium/tensor";
import { formatError, readFields } from "./json-fields.js";
import { type SplitRule, splitRules } from "./split.js";
import type { Tokenizer } from "./tokenizer.js";
import { countTokens, Vocabulary, type VocabularyOptions } from "./vocabulary.js";

/** How a text becomes words. */
export interface WordSplitOptions {
  /** Lower-case the text first; false by default. */
  readonly lowercase?: boolean;
  /** Where to cut; `"whitespace"` by default. */
  readonly split?: SplitRule;
}

/** Words over a vocabulary. */
export class WordTokenizer implements Tokenizer {
  readonly vocabulary: Vocabulary;
  readonly lowercase: boolean;
  readonly split: SplitRule;

  /** A tokenizer over an existing vocabulary. @throws `argument` for an unknown split rule. */
  constructor(vocabulary: Vocabulary, options: WordSplitOptions = {}) {
    const { lowercase = false, split = "whitespace" } = options;
    if (!Object.hasOwn(splitRules, split)) {
      throw argumentError("WordTokenizer", "split", `one of ${Object.keys(splitRules).join(", ")}`, split);
    }
    this.vocabulary = vocabulary;
    this.lowercase = lowercase;
    this.split = split;
  }

  /**
   * The tokenizer whose vocabulary is that of the texts; specials are `<pad>` and `<unk>` unless others are given.
   * @throws `argument` for options out of range.
   */
  static train(texts: Iterable<string>, options: WordSplitOptions & VocabularyOptions = {}): WordTokenizer {
    const { lowercase, split, specials = ["<pad>", "<unk>"], ...rest } = options;
    const splitter = new WordTokenizer(new Vocabulary([]), { lowercase, split });
    const counts = new Map<string, number>();
    for (const text of texts) countTokens(splitter.tokenize(text), counts);
    return new WordTokenizer(Vocabulary.fromCounts(counts, { specials, ...rest }), { lowercase, split });
  }

  get size(): number {
    return this.vocabulary.size;
  }

  /** The words of a text, known or not. */
  tokenize(text: string): string[] {
    return splitRules[this.split](this.lowercase ? text.toLowerCase() : text);
  }

  encode(text: string): number[] {
    return this.vocabulary.encode(this.tokenize(text));
  }

  decode(ids: Iterable<number>): string {
    return this.vocabulary.decode(ids).join(" ");
  }

  toJSON(): unknown {
    return {
      format: "torchium-tokenizer",
      version: 1,
      type: "word",
      lowercase: this.lowercase,
      split: this.split,
      vocabulary: this.vocabulary.toJSON(),
    };
  }

  /** A tokenizer from its stored form. @throws `format` when a field is missing or wrong. */
  static fromJSON(value: unknown): WordTokenizer {
    const op = "WordTokenizer.fromJSON";
    const fields = readFields(op, value, { format: "torchium-tokenizer", version: 1, type: "word" });
    const split = fields.string("split");
    if (split !== "whitespace" && split !== "words") throw formatError(op, `unknown split rule, got ${split}`);
    const vocabulary = Vocabulary.fromJSON(fields.value("vocabulary"));
    return new WordTokenizer(vocabulary, { lowercase: fields.boolean("lowercase"), split });
  }
}
