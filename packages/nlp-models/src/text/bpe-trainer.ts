// Trains a byte-level BPE (Sennrich et al. 2016; Radford et al. 2019) into the form of a Hugging Face tokenizer.json.
// Counts are exact after every merge and ties have one answer, so the same texts always give the same file.

import { argumentError } from "@torchium/tensor";
import { byteCharacters, toByteCharacters } from "./byte-alphabet.js";
import { MergeHeap } from "./merge-heap.js";

/** How `trainBpe` learns. */
export interface BpeTrainingOptions {
  /** Number of tokens to reach: special tokens, 256 bytes, merges. Fewer when no pair is frequent enough. */
  readonly vocabSize: number;
  /** A pair seen less often is not merged; 2 by default. */
  readonly minFrequency?: number;
  /** Tokens that take the first ids and are never cut, such as `<|endoftext|>`; none by default. */
  readonly specialTokens?: readonly string[];
  /** Put a space before a text that begins without one, so that a first word equals a later one; false by default. */
  readonly addPrefixSpace?: boolean;
}

/** The part of a Hugging Face tokenizer.json that a byte-level BPE uses. */
export interface BpeTokenizerJSON {
  readonly version: "1.0";
  readonly truncation: null;
  readonly padding: null;
  readonly added_tokens: readonly AddedTokenJSON[];
  readonly normalizer: null;
  readonly pre_tokenizer: ByteLevelJSON;
  readonly post_processor: null;
  readonly decoder: ByteLevelJSON;
  readonly model: {
    readonly type: "BPE";
    readonly dropout: null;
    readonly unk_token: null;
    readonly continuing_subword_prefix: null;
    readonly end_of_word_suffix: null;
    readonly fuse_unk: false;
    readonly byte_fallback: false;
    readonly ignore_merges: false;
    /** Token to id. */
    readonly vocab: Readonly<Record<string, number>>;
    /** Pairs of tokens in the order in which they are merged. */
    readonly merges: readonly (readonly [string, string])[];
  };
}

/** A token outside the model, as tokenizer.json writes it. */
export interface AddedTokenJSON {
  readonly id: number;
  readonly content: string;
  readonly single_word: false;
  readonly lstrip: false;
  readonly rstrip: false;
  readonly normalized: false;
  readonly special: true;
}

/** The byte-level pre-tokenizer or decoder, as tokenizer.json writes it. */
export interface ByteLevelJSON {
  readonly type: "ByteLevel";
  readonly add_prefix_space: boolean;
  readonly trim_offsets: true;
  readonly use_regex: true;
}

interface Word {
  symbols: number[];
  readonly count: number;
}

// GPT-2's cut into words with their leading space, as the byte-level pre-tokenizer of tokenizer.json does it.
const pieces = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

// Pairs are keyed by one number; ids stay below 2^24, so the key is exact in a double.
const pairBase = 2 ** 24;

/**
 * Learns merges from texts: again and again the most frequent pair of adjacent tokens becomes a token.
 * Equal counts go to the smaller pair of ids. The result loads with `PretrainedTokenizer.fromJSON` and with
 * Hugging Face's libraries.
 * @throws `argument` for a vocabulary too small for the bytes and the special tokens, or options out of range.
 */
export function trainBpe(texts: Iterable<string>, options: BpeTrainingOptions): BpeTokenizerJSON {
  const { vocabSize, minFrequency = 2, specialTokens = [], addPrefixSpace = false } = options;
  const least = 256 + specialTokens.length;
  if (!Number.isInteger(vocabSize) || vocabSize < least || vocabSize > pairBase) {
    throw argumentError("trainBpe", "vocabSize", `an integer from ${least} (bytes and special tokens)`, vocabSize);
  }
  if (!(minFrequency >= 1)) throw argumentError("trainBpe", "minFrequency", "a number from 1", minFrequency);

  const tokens: string[] = [...specialTokens, ...[...byteCharacters].sort()];
  const ids = new Map(tokens.map((token, id) => [token, id]));
  if (ids.size !== tokens.length) {
    throw argumentError("trainBpe", "specialTokens", "distinct and no single byte", specialTokens.join(" "));
  }
  const words = readWords(texts, addPrefixSpace, ids);
  const merges = learnMerges(words, tokens, ids, vocabSize, minFrequency);
  return tokenizerJSON(tokens, specialTokens, merges, addPrefixSpace);
}

function readWords(texts: Iterable<string>, addPrefixSpace: boolean, ids: ReadonlyMap<string, number>): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts) {
    const whole = addPrefixSpace && !text.startsWith(" ") ? ` ${text}` : text;
    for (const piece of whole.match(pieces) ?? []) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  }
  return [...counts].map(([piece, count]) => ({
    symbols: [...toByteCharacters(piece)].map((character) => ids.get(character) as number),
    count,
  }));
}

function learnMerges(
  words: readonly Word[],
  tokens: string[],
  ids: Map<string, number>,
  vocabSize: number,
  minFrequency: number,
): (readonly [string, string])[] {
  const pairs = new PairCounts(words);
  const heap = new MergeHeap();
  for (const key of pairs.keys()) heap.push(pairs.candidate(key));
  const merges: (readonly [string, string])[] = [];
  while (tokens.length < vocabSize) {
    const top = heap.pop();
    if (top === undefined || top.count < minFrequency) break;
    const key = top.left * pairBase + top.right;
    const now = pairs.candidate(key);
    if (now.count !== top.count) {
      // The count changed since it was pushed: back into the queue with what is true now.
      if (now.count > 0) heap.push(now);
      continue;
    }
    const pair = [tokens[top.left] as string, tokens[top.right] as string] as const;
    const made = pair[0] + pair[1];
    merges.push(pair);
    // Two ways of cutting can lead to the same token; it keeps its first id.
    let id = ids.get(made);
    if (id === undefined) {
      id = tokens.length;
      ids.set(made, id);
      tokens.push(made);
    }
    for (const changed of pairs.merge(top.left, top.right, id)) heap.push(pairs.candidate(changed));
  }
  return merges;
}

/** How often each pair of adjacent symbols occurs, and in which words. */
class PairCounts {
  private readonly words: readonly Word[];
  private readonly counts = new Map<number, number>();
  private readonly places = new Map<number, Set<number>>();

  constructor(words: readonly Word[]) {
    this.words = words;
    words.forEach((word, index) => {
      this.add(word, index, 1);
    });
  }

  keys(): Iterable<number> {
    return this.counts.keys();
  }

  candidate(key: number) {
    return { count: this.counts.get(key) ?? 0, left: Math.floor(key / pairBase), right: key % pairBase };
  }

  /** Replaces the pair by the new symbol in every word; gives the pairs that the new symbol takes part in. */
  merge(left: number, right: number, made: number): Iterable<number> {
    const key = left * pairBase + right;
    const touched = new Set<number>();
    for (const index of this.places.get(key) ?? []) {
      const word = this.words[index] as Word;
      this.add(word, index, -1);
      word.symbols = replacePair(word.symbols, left, right, made);
      this.add(word, index, 1, made, touched);
    }
    this.places.delete(key);
    this.counts.delete(key);
    return touched;
  }

  private add(word: Word, index: number, sign: 1 | -1, made = -1, touched?: Set<number>): void {
    const { symbols } = word;
    for (let i = 1; i < symbols.length; i++) {
      const left = symbols[i - 1] as number;
      const right = symbols[i] as number;
      const key = left * pairBase + right;
      this.counts.set(key, (this.counts.get(key) ?? 0) + sign * word.count);
      if (sign < 0) continue;
      // A word that lost the pair stays listed: looking at it again costs little and changes nothing.
      const places = this.places.get(key);
      if (places === undefined) this.places.set(key, new Set([index]));
      else places.add(index);
      if (left === made || right === made) touched?.add(key);
    }
  }
}

function replacePair(symbols: readonly number[], left: number, right: number, made: number): number[] {
  const out: number[] = [];
  for (let i = 0; i < symbols.length; i++) {
    if (symbols[i] === left && symbols[i + 1] === right) {
      out.push(made);
      i++;
    } else out.push(symbols[i] as number);
  }
  return out;
}

function tokenizerJSON(
  tokens: readonly string[],
  specialTokens: readonly string[],
  merges: readonly (readonly [string, string])[],
  addPrefixSpace: boolean,
): BpeTokenizerJSON {
  const byteLevel = (prefix: boolean): ByteLevelJSON => ({
    type: "ByteLevel",
    add_prefix_space: prefix,
    trim_offsets: true,
    use_regex: true,
  });
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true } as const;
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({ id, content, ...flags })),
    normalizer: null,
    pre_tokenizer: byteLevel(addPrefixSpace),
    post_processor: null,
    decoder: byteLevel(addPrefixSpace),
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}
