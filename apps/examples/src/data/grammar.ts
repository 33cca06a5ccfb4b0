// Sentences from rules. A rule has alternatives; an alternative is one template, or two that translate each other
// (a synchronous grammar). Marked symbols label their words, for tagging.
import type { RandomSource } from "@torchium/nlp-models";
import { TensorError } from "@torchium/tensor";
import { pick } from "./random.js";

/**
 * A template for one sentence side, or for two at once. Between spaces stand words and symbols: `{noun}` is an
 * expansion of the rule `noun`, the same one wherever it stands in the alternative; `{noun:2}` is another one;
 * `{name|PER}` labels its words; what touches the braces is joined to the expansion: `{stem}ing`.
 */
export type Alternative = string | readonly [string, string];

/** Rules by name; a rule's alternatives are equally likely. */
export type Grammar = Readonly<Record<string, readonly Alternative[]>>;

/** A word of a sentence, and the labelled span it belongs to. */
export interface GrammarWord {
  readonly text: string;
  /** The label of the span, if the word is in one. */
  readonly label?: string;
  /** Whether a labelled span begins here. */
  readonly begins?: boolean;
}

/** An expansion: the words of each side. One-sided grammars have the same words on both. */
export type Expansion = readonly [readonly GrammarWord[], readonly GrammarWord[]];

const symbolPattern = /^(?<before>[^{}]*)\{(?<rule>\w+)(?::\d+)?(?:\|(?<label>\w+))?\}(?<after>[^{}]*)$/;

/**
 * Expands a rule at random.
 * @throws TensorError `internal` when a template names a rule that does not exist.
 */
export function expand(grammar: Grammar, rule: string, random: RandomSource): Expansion {
  const alternatives = grammar[rule];
  if (alternatives === undefined) throw new TensorError("internal", `grammar: there is no rule ${rule}`, { rule });
  const alternative = pick(alternatives, random);
  const sides = typeof alternative === "string" ? ([alternative, alternative] as const) : alternative;
  // Shared by both sides, so that what is said twice is the same.
  const expansions = new Map<string, Expansion>();
  const build = (side: 0 | 1) =>
    sides[side].split(" ").flatMap((piece) => {
      const match = symbolPattern.exec(piece)?.groups;
      if (match === undefined) return [{ text: piece }];
      const key = piece.slice(piece.indexOf("{"), piece.indexOf("}")).split("|")[0];
      const expansion = expansions.get(key) ?? expand(grammar, match.rule, random);
      expansions.set(key, expansion);
      return decorate(expansion[side], match.before, match.after, match.label);
    });
  return [build(0), build(1)];
}

/** The words as one line, a space between them. */
export function joinWords(words: readonly GrammarWord[]): string {
  return words.map(({ text }) => text).join(" ");
}

/** The tags of the words in BIO form: `B-PER` begins a span, `I-PER` continues it, `O` is in none. */
export function bioTags(words: readonly GrammarWord[]): string[] {
  return words.map(({ label, begins }) => (label === undefined ? "O" : `${begins ? "B" : "I"}-${label}`));
}

function decorate(words: readonly GrammarWord[], before: string, after: string, label?: string): GrammarWord[] {
  const last = words.length - 1;
  return words.map((word, i) => ({
    ...word,
    text: `${i === 0 ? before : ""}${word.text}${i === last ? after : ""}`,
    ...(label === undefined ? {} : { label, begins: i === 0 }),
  }));
}
