// Ways to cut a text into words. They agree with Python's `str.split()` and `re.findall(r"\w+|[^\w\s]")`
// on every character, so that a vocabulary built here equals one built there.

/** How `WordTokenizer` cuts: at white space only, or into runs of word characters and single other marks. */
export type SplitRule = "whitespace" | "words";

// Python's white space: JavaScript's \s knows U+FEFF and not U+001C to U+001F or U+0085.
const space = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const spaces = new RegExp(`[${space}]+`, "gu");
const words = new RegExp(`[\\p{L}\\p{N}_]+|[^\\p{L}\\p{N}_${space}]`, "gu");

/** The pieces between white space; none is empty. */
export function splitWhitespace(text: string): string[] {
  return text.split(spaces).filter((piece) => piece !== "");
}

/** Runs of letters, digits and `_`, and every other character that is not white space by itself. */
export function splitWords(text: string): string[] {
  return text.match(words) ?? [];
}

/** The function behind each rule's name. */
export const splitRules = {
  whitespace: splitWhitespace,
  words: splitWords,
} as const satisfies Record<SplitRule, (text: string) => string[]>;
