// How BLEU cuts a segment into tokens. `13a` is mteval-v13a's rule, which sacreBLEU uses and papers report.

import { splitWhitespace } from "../text/split.js";

/** The ways to cut a segment: `13a`, single characters, or only at white space (text that is cut already). */
export type BleuTokenization = "13a" | "char" | "none";

const entityMarks = { "&quot;": '"', "&amp;": "&", "&lt;": "<", "&gt;": ">" } as const;

function cut13a(segment: string): string[] {
  let text = segment.replaceAll("<skipped>", "").replaceAll("-\n", "").replaceAll("\n", " ");
  for (const [mark, character] of Object.entries(entityMarks)) text = text.replaceAll(mark, character);
  // ASCII punctuation stands alone, except period, comma, hyphen and apostrophe …
  text = ` ${text} `.replace(/[{-~[-` -&(-+:-@/]/g, " $& ");
  // … a period or comma only where it is not inside a number, a hyphen after a digit.
  text = text.replace(/([^0-9])([.,])/gu, "$1 $2 ");
  text = text.replace(/([.,])([^0-9])/gu, " $1 $2");
  text = text.replace(/([0-9])(-)/g, "$1 $2 ");
  return splitWhitespace(text);
}

function cutCharacters(segment: string): string[] {
  return splitWhitespace(segment).flatMap((piece) => [...piece]);
}

/** The function behind each name. */
export const bleuTokenizers = {
  "13a": cut13a,
  char: cutCharacters,
  none: splitWhitespace,
} as const satisfies Record<BleuTokenization, (segment: string) => string[]>;
