// Tagged sentences: one token a line with its cells, a blank line between sentences (CoNLL, IOB2).

import { argumentError } from "@torchium/tensor";
import { type DatasetFormat, defineLineFormat, type LineParser, type Place } from "./line-format.js";

/** A sentence whose every token has a tag. */
export interface TaggedSentence {
  readonly tokens: readonly string[];
  /** As long as `tokens`. */
  readonly tags: readonly string[];
}

/** Settings of `conll`. */
export interface ConllOptions {
  /** The token's cell, from 0; 0 by default. */
  readonly tokenColumn?: number;
  /** The tag's cell, from 0; 1 by default. Negative counts from the end: -1 is the last cell. */
  readonly tagColumn?: number;
  /** What stands between cells; `"tab"` by default. CoNLL-2003 has spaces. */
  readonly separator?: "tab" | "whitespace";
  /** Lines that begin with `#` are comments; false by default, because a token may be `#`. */
  readonly comments?: boolean;
  /** Skip `-DOCSTART-` lines, as CoNLL-2003 has them; true by default. */
  readonly skipDocumentStarts?: boolean;
  /** What tags look like: `"bio"` (O, B-TYPE, I-TYPE; default) makes another tag an error, `"any"` takes all. */
  readonly tags?: "bio" | "any";
}

/** The layouts of well-known files, as options of `conll`. */
export const conllLayouts = {
  /** `token<TAB>tag`: WNUT 2017. */
  tokenTag: { tokenColumn: 0, tagColumn: 1 },
  /** `index<TAB>token<TAB>tag<TAB>…` with `#` comments: Universal NER's .iob2. */
  universalNer: { tokenColumn: 1, tagColumn: 2, comments: true },
  /** `token part-of-speech chunk tag` between spaces: CoNLL-2003. */
  conll2003: { tokenColumn: 0, tagColumn: -1, separator: "whitespace" },
} as const satisfies Record<string, ConllOptions>;

/** Tagged sentences, one token a line. A line of white space ends a sentence. @throws `argument` for bad columns. */
export function conll(options: ConllOptions = {}): DatasetFormat<TaggedSentence> {
  for (const name of ["tokenColumn", "tagColumn"] as const) {
    const column = options[name] ?? 0;
    if (!Number.isInteger(column)) throw argumentError("conll", name, "an integer", column);
  }
  return defineLineFormat("conll", () => new ConllParser(options));
}

class ConllParser implements LineParser<TaggedSentence> {
  private readonly options: ConllOptions;
  private tokens: string[] = [];
  private tags: string[] = [];

  constructor(options: ConllOptions) {
    this.options = options;
  }

  line(text: string, place: Place): TaggedSentence | undefined {
    const { comments = false, skipDocumentStarts = true } = this.options;
    if (text.trim() === "") return this.end();
    if (comments && text.startsWith("#")) return undefined;
    if (skipDocumentStarts && text.startsWith("-DOCSTART-")) return undefined;
    this.token(text, place);
    return undefined;
  }

  end(): TaggedSentence | undefined {
    if (this.tokens.length === 0) return undefined;
    const sentence = { tokens: this.tokens, tags: this.tags };
    this.tokens = [];
    this.tags = [];
    return sentence;
  }

  private token(text: string, place: Place): void {
    const { tokenColumn = 0, tagColumn = 1, separator = "tab", tags = "bio" } = this.options;
    const cells = separator === "tab" ? text.split("\t") : text.trim().split(/\s+/);
    const token = cells.at(tokenColumn);
    const tag = cells.at(tagColumn);
    if (token === undefined || tag === undefined) {
      place.fail(`too few cells, got ${cells.length}, expected a token in ${tokenColumn} and a tag in ${tagColumn}`);
    }
    if (token === "") place.fail("the token is empty");
    if (tags === "bio" && !/^(O|[BI]-.+)$/.test(tag)) {
      place.fail(`a tag is wrong, got ${JSON.stringify(tag)}, expected O, B-TYPE or I-TYPE`);
    }
    this.tokens.push(token);
    this.tags.push(tag);
  }
}
